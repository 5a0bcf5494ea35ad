#include "autodiff/ops/conv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "autodiff/graph/op.hpp"
#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/all_ops.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/ops/tiles.hpp"

namespace autodiff {

namespace {

constexpr Index kMaxTaps = 15;

// Taps j for which position p + j - r lies inside an axis of n positions.
struct Taps {
  Index begin, end;
};
Taps taps_inside(Index p, Index n, Index k) {
  const Index r = k / 2;
  return {std::max<Index>(0, r - p), std::min(k, n + r - p)};
}

int checked_axis(const Attributes& a) {
  if (a.ints.empty() || (a.ints[0] != 0 && a.ints[0] != 1)) throw std::invalid_argument("axis must be 0 or 1");
  return static_cast<int>(a.ints[0]);
}

// ---- y = conv(x, w) + b ---------------------------------------------------------------------------------------------------------------

template <class T>
Kernel<T> conv_kernel(const NodeShape& s) {
  const Index A0 = s.in[0][0], A1 = s.in[0][1], C = s.in[0][2], k = s.in[1][0], O = s.in[1][2], r = k / 2;
  const bool along_units = s.attributes->ints[0] == 0, has_bias = s.in.size() == 3;
  const Index per_tile = std::max<Index>(1, kTileElements / (A1 * std::max(C, O)));
  const auto product = kernels::active<T>().product;

  // Slab n (all of axis 1): a sum over taps of products with the neighbouring slabs.
  const auto units = [=](Index n, const T* x, const T* w, const T* bias, T* y) {
    const Taps taps = taps_inside(n, A0, k);
    const T *a[kMaxTaps], *b[kMaxTaps];
    for (Index j = taps.begin; j < taps.end; ++j) {
      a[j - taps.begin] = x + (n + j - r) * A1 * C;
      b[j - taps.begin] = w + j * C * O;
    }
    product({.M = A1, .N = O, .K = C, .terms = taps.end - taps.begin, .a = a, .a_row = C, .a_col = 1, .b = b, .ldb = O, .c = y + n * A1 * O, .ldc = O, .bias = bias});
  };
  // Rows [first, last) of slab n that see the same taps: one product whose rows overlap, row t being the k C numbers from position t - r on.
  const auto rows = [=](Index n, Index first, Index last, Taps taps, const T* x, const T* w, const T* bias, T* y) {
    const T* a = x + (n * A1 + first + taps.begin - r) * C;
    const T* b = w + taps.begin * C * O;
    product({.M = last - first, .N = O, .K = (taps.end - taps.begin) * C, .a = &a, .a_row = C, .a_col = 1, .b = &b, .ldb = O,
             .c = y + (n * A1 + first) * O, .ldc = O, .bias = bias});
  };
  const auto examples = [=](Index n, const T* x, const T* w, const T* bias, T* y) {
    const Index interior = std::min(r, A1), end = std::max(interior, A1 - r);
    for (Index t = 0; t < interior; ++t) rows(n, t, t + 1, taps_inside(t, A1, k), x, w, bias, y);
    if (end > interior) rows(n, interior, end, {0, k}, x, w, bias, y);
    for (Index t = end; t < A1; ++t) rows(n, t, t + 1, taps_inside(t, A1, k), x, w, bias, y);
  };
  return Kernel<T>{[=](const KernelArguments<T>& args) {
    const T* bias = has_bias ? args.in[2] : nullptr;
    for_tiles(*args.parallel, tile_count(A0, per_tile), [&](Index tile) {
      for (Index n = tile * per_tile; n < std::min(A0, (tile + 1) * per_tile); ++n)
        if (along_units) units(n, args.in[0], args.in[1], bias, args.out);
        else examples(n, args.in[0], args.in[1], bias, args.out);
    });
  }};
}

Var conv_weight_reverse(Var x, Var g, Index k, int axis);
Var conv_flip(Var w);

Shape infer_conv(std::span<const Shape> in, const Attributes& a) {
  if (in.size() != 2 && in.size() != 3) throw std::invalid_argument("expected x, w and perhaps a bias");
  checked_axis(a);
  if (in[0].rank() != 3 || in[1].rank() != 3) throw std::invalid_argument("expected x of rank 3 and w of rank 3");
  if (in[1][0] % 2 == 0 || in[1][0] > kMaxTaps) throw std::invalid_argument(fmt::format("the kernel's length must be odd and at most {}, found {}", kMaxTaps, in[1][0]));
  if (in[0][2] != in[1][1]) throw std::invalid_argument(fmt::format("channels differ: x has {}, w takes {}", in[0][2], in[1][1]));
  if (in.size() == 3 && in[2] != Shape{in[1][2]}) throw std::invalid_argument(fmt::format("expected a bias of [{}]", in[1][2]));
  return Shape{in[0][0], in[0][1], in[1][2]};
}

const OpDef& conv_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "conv";
    d.doc = "Convolution along axis 0 or 1 of [A0, A1, C], zero padding; ints {axis}";
    d.infer = infer_conv;
    d.set_kernel([]<class T>(const NodeShape& s) { return conv_kernel<T>(s); });
    d.vjp = [](const VjpInput& v, const Attributes& a) {
      const int axis = static_cast<int>(a.ints[0]);
      std::vector<Var> adjoints{v.wanted[0] ? conv(v.adjoint, conv_flip(v.in[1]), Var(), axis) : Var(),
                                v.wanted[1] ? conv_weight_reverse(v.in[0], v.adjoint, v.in[1].shape()[0], axis) : Var()};
      if (v.in.size() == 3) adjoints.push_back(v.wanted[2] ? sum_to(v.adjoint, v.in[2].shape()) : Var());
      return adjoints;
    };
    d.cost = [](const NodeShape& s) { return static_cast<double>(s.in[0].size()) * static_cast<double>(s.in[1][0] * s.in[1][2]); };
    for (Index axis : {0, 1}) {
      d.samples.push_back({{Shape{5, 4, 3}, Shape{3, 3, 2}, Shape{2}}, {{axis}, {}}});
      d.samples.push_back({{Shape{2, 3, 1}, Shape{5, 1, 4}, Shape{4}}, {{axis}, {}}});
      d.samples.push_back({{Shape{1, 1, 2}, Shape{3, 2, 3}}, {{axis}, {}}});
      d.samples.push_back({{Shape{17, 33, 5}, Shape{3, 5, 7}}, {{axis}, {}}});
      d.samples.push_back({{Shape{70, 65, 9}, Shape{3, 9, 7}, Shape{7}}, {{axis}, {}}});
    }
    const Shape x{5, 4, 3}, w{3, 3, 2};
    d.wrong = {{{x}, {{0}, {}}, "expected x, w and perhaps a bias"}, {{x, w}, {{2}, {}}, "axis must be 0 or 1"}, {{x, w}, {}, "axis must be 0 or 1"},
               {{Shape{5, 12}, w}, {{0}, {}}, "x of rank 3"}, {{x, Shape{4, 3, 2}}, {{0}, {}}, "must be odd and at most 15, found 4"},
               {{x, Shape{17, 3, 2}}, {{0}, {}}, "at most 15, found 17"}, {{x, Shape{3, 4, 2}}, {{1}, {}}, "channels differ: x has 3, w takes 4"},
               {{x, w, Shape{3}}, {{1}, {}}, "expected a bias of [2]"}};
    return d;
  }());
  return op;
}

// ---- dw[j, c, o] = sum over positions of x[.. + j - r ..][c] g[..][o] -------------------------------------------------------------------

template <class T>
Kernel<T> weight_reverse_kernel(const NodeShape& s) {
  const Index A0 = s.in[0][0], A1 = s.in[0][1], C = s.in[0][2], O = s.in[1][2], k = s.out[0], r = k / 2;
  const bool along_units = s.attributes->ints[0] == 0;
  const Index slabs = std::max<Index>(1, 2048 / A1), chunks = tile_count(A0, slabs), size = k * C * O;
  const auto product = kernels::active<T>().product;
  // Positions [first, last) of the rows of g that tap j pairs with x: rows shifted by j - r.
  const auto tap = [=](Index j, Index first, Index last, Index shift, const T* x, const T* g, T* dw) {
    if (first >= last) return;
    const T *a = x + (first + shift) * C, *b = g + first * O;
    product({.M = C, .N = O, .K = last - first, .a = &a, .a_row = 1, .a_col = C, .b = &b, .ldb = O, .c = dw + j * C * O, .ldc = O, .accumulate = true});
  };
  Kernel<T> kernel;
  kernel.scratch = chunks * size;
  kernel.run = [=](const KernelArguments<T>& args) {
    const T *x = args.in[0], *g = args.in[1];
    for_tiles(*args.parallel, chunks, [&](Index chunk) {
      T* dw = args.scratch + chunk * size;
      std::fill_n(dw, size, T(0));
      const Index first = chunk * slabs, last = std::min(A0, first + slabs);
      for (Index j = 0; j < k; ++j) {
        if (along_units) {
          tap(j, std::max(first, r - j) * A1, std::min(last, A0 + r - j) * A1, (j - r) * A1, x, g, dw);
        } else {
          for (Index n = first; n < last; ++n) tap(j, n * A1 + std::max<Index>(0, r - j), n * A1 + std::min(A1, A1 + r - j), j - r, x, g, dw);
        }
      }
    });
    combine_tree(chunks, size, args.scratch, [](Index n, T* a, const T* b) {
      for (Index i = 0; i < n; ++i) a[i] += b[i];
    });
    std::copy_n(args.scratch, size, args.out);
  };
  return kernel;
}

const OpDef& weight_reverse_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "conv_weight_reverse";
    d.doc = "Adjoint of conv's weights from x and the adjoint of its output; ints {axis, k}";
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      checked_axis(a);
      if (in.size() != 2 || in[0].rank() != 3 || in[1].rank() != 3 || in[0].with(2, 1) != in[1].with(2, 1)) throw std::invalid_argument("expected x and an adjoint with equal leading axes");
      if (a.ints.size() != 2 || a.ints[1] < 1 || a.ints[1] % 2 == 0 || a.ints[1] > kMaxTaps) throw std::invalid_argument(fmt::format("the kernel's length must be odd and at most {}", kMaxTaps));
      return Shape{a.ints[1], in[0][2], in[1][2]};
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return weight_reverse_kernel<T>(s); });
    d.vjp = [](const VjpInput& v, const Attributes& a) {
      const int axis = static_cast<int>(a.ints[0]);
      return std::vector<Var>{v.wanted[0] ? conv(v.in[1], conv_flip(v.adjoint), Var(), axis) : Var(), v.wanted[1] ? conv(v.in[0], v.adjoint, Var(), axis) : Var()};
    };
    d.cost = [](const NodeShape& s) { return static_cast<double>(s.in[0].size()) * static_cast<double>(s.out[0] * s.in[1][2]); };
    for (Index axis : {0, 1}) {
      d.samples.push_back({{Shape{5, 4, 3}, Shape{5, 4, 2}}, {{axis, 3}, {}}});
      d.samples.push_back({{Shape{2, 3, 1}, Shape{2, 3, 4}}, {{axis, 5}, {}}});
      d.samples.push_back({{Shape{1, 1, 2}, Shape{1, 1, 3}}, {{axis, 3}, {}}});
      d.samples.push_back({{Shape{70, 65, 2}, Shape{70, 65, 3}}, {{axis, 3}, {}}});
    }
    d.wrong = {{{Shape{5, 4, 3}, Shape{5, 3, 2}}, {{0, 3}, {}}, "equal leading axes"}, {{Shape{5, 4, 3}, Shape{5, 4, 2}}, {{0, 4}, {}}, "must be odd"},
               {{Shape{5, 4, 3}, Shape{5, 4, 2}}, {{0}, {}}, "must be odd"}, {{Shape{5, 4, 3}, Shape{5, 4, 2}}, {{3, 3}, {}}, "axis must be 0 or 1"}};
    return d;
  }());
  return op;
}

Var conv_weight_reverse(Var x, Var g, Index k, int axis) {
  const Var in[] = {x, g};
  return x.graph().record(weight_reverse_op(), in, {{axis, k}, {}}, here());
}

// ---- flipped weights: conv with them is the reverse of conv -----------------------------------------------------------------------------

const OpDef& flip_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "conv_flip";
    d.doc = "w [k, C, O] -> [k, O, C] with taps in opposite order";
    d.infer = [](std::span<const Shape> in, const Attributes&) {
      if (in.size() != 1 || in[0].rank() != 3) throw std::invalid_argument("expected weights of rank 3");
      return Shape{in[0][0], in[0][2], in[0][1]};
    };
    d.set_kernel([]<class T>(const NodeShape& s) {
      const Index k = s.in[0][0], C = s.in[0][1], O = s.in[0][2];
      const auto move = kernels::active<T>().transpose;
      return Kernel<T>{[=](const KernelArguments<T>& args) {
        for (Index j = 0; j < k; ++j) move(C, O, args.in[0] + (k - 1 - j) * C * O, O, args.out + j * C * O, C);
      }};
    });
    d.vjp = [](const VjpInput& v, const Attributes&) { return std::vector<Var>{conv_flip(v.adjoint)}; };
    d.samples = {{{Shape{3, 4, 5}}, {}}, {{Shape{5, 1, 2}}, {}}};
    d.wrong = {{{Shape{3, 4}}, {}, "expected weights of rank 3"}};
    return d;
  }());
  return op;
}

Var conv_flip(Var w) { return w.graph().record(flip_op(), std::span(&w, 1), {}, here()); }

}  // namespace

void register_conv_ops() {
  conv_op();
  weight_reverse_op();
  flip_op();
}

Var conv(Var x, Var w, Var b, int axis, Location at) {
  const Var in[] = {x, w, b};
  return x.graph().record(conv_op(), std::span(in, b ? 3u : 2u), {{axis}, {}}, at);
}

}  // namespace autodiff
