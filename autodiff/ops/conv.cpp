#include "autodiff/ops/conv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "autodiff/graph/op.hpp"
#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/loops/conv_kernels.hpp"
#include "autodiff/ops/reduce.hpp"

namespace autodiff {

namespace {

void check_axis(int axis) {
  if (axis != 0 && axis != 1) throw std::invalid_argument("axis must be 0 or 1");
}

// ---- y = conv(x, w) + b -------------------------------------------------------------------------

template <class T>
Kernel<T> conv_kernel(const NodeShape& s) {
  const ConvShape shape = conv_shape(s.in[0], s.out, s.in[1][0], s.attributes->as<ConvAttributes>().axis);
  const bool has_bias = s.in.size() == 3, per_unit = has_bias && s.in[2].rank() == 3;
  const auto run = [=](const KernelArguments<T>& k) {
    run_conv(shape, as_it_is(k.in[0]), k.in[1], has_bias ? k.in[2] : nullptr, k.out, k.scratch, *k.parallel,
             per_unit);
  };
  return {run, conv_scratch(shape)};
}

Var conv_flip(Var w);

// The adjoint of a bias: sums over the outputs it was added to. For the positions between the ends it is the
// sum of all minus the ends, as a slice of the middle would be copied first; its rounding error is that of
// the sum of all.
Var bias_reverse(Var g, const Shape& bias) {
  if (bias.rank() == 1) return sum_to(g, bias);
  const Index examples = g.shape()[1];
  const Var first = slice(g, 1, 0, 1), all = sum(g, {1});
  if (examples == 1) return first;
  const Var last = slice(g, 1, examples - 1, examples);
  if (examples == 2) return concat(std::vector{first, last}, 1);
  return concat(std::vector{first, all - first - last, last}, 1);
}

}  // namespace

Shape infer_conv(std::span<const Shape> in, ConvAttributes a) {
  if (in.size() != 2 && in.size() != 3) throw std::invalid_argument("expected x, w and perhaps a bias");
  check_axis(a.axis);
  if (in[0].rank() != 3 || in[1].rank() != 3)
    throw std::invalid_argument("expected x of rank 3 and w of rank 3");
  if (in[1][0] % 2 == 0 || in[1][0] > kMaxTaps)
    throw std::invalid_argument(
        fmt::format("the kernel's length must be odd and at most {}, found {}", kMaxTaps, in[1][0]));
  if (in[0][2] != in[1][1])
    throw std::invalid_argument(fmt::format("channels differ: x has {}, w takes {}", in[0][2], in[1][1]));
  const Shape per_unit{in[0][0], edge_rows(in[0][1]), in[1][2]};
  if (in.size() == 3 && in[2] != Shape{in[1][2]} && !(a.axis == 1 && in[2] == per_unit))
    throw std::invalid_argument(
        fmt::format("expected a bias of [{}] or, along axis 1, of {}", in[1][2], per_unit.to_string()));
  return Shape{in[0][0], in[0][1], in[1][2]};
}

Shape infer_conv_weight_reverse(std::span<const Shape> in, ConvWeightReverseAttributes a) {
  check_axis(a.axis);
  if (in.size() != 2 || in[0].rank() != 3 || in[1].rank() != 3 || in[0].with(2, 1) != in[1].with(2, 1))
    throw std::invalid_argument("expected x and an adjoint with equal leading axes");
  if (a.k < 1 || a.k % 2 == 0 || a.k > kMaxTaps)
    throw std::invalid_argument(fmt::format("the kernel's length must be odd and at most {}", kMaxTaps));
  return Shape{a.k, in[0][2], in[1][2]};
}

const OpDef& conv_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "conv";
    d.doc =
        "Convolution along axis 0 or 1 of [A0, A1, C], zero padding, bias [O] or, along axis 1, [A0, min(3, "
        "A1), O]: per row, for its first position, those in between and its last";
    d.attributes = typeid(ConvAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      return infer_conv(in, a.as<ConvAttributes>());
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return conv_kernel<T>(s); });
    d.vjp = [](const VjpInput& v, const Attributes& a) {
      const int axis = a.as<ConvAttributes>().axis;
      std::vector<Var> adjoints{
          v.wanted[0] ? conv(v.adjoint, conv_flip(v.in[1]), Var(), axis) : Var(),
          v.wanted[1] ? conv_weight_reverse(v.in[0], v.adjoint, v.in[1].shape()[0], axis) : Var()};
      if (v.in.size() == 3)
        adjoints.push_back(v.wanted[2] ? bias_reverse(v.adjoint, v.in[2].shape()) : Var());
      return adjoints;
    };
    d.cost = [](const NodeShape& s) {
      return static_cast<double>(s.in[0].size()) * static_cast<double>(s.in[1][0] * s.in[1][2]);
    };
    for (int axis : {0, 1}) {
      d.samples.push_back({{Shape{5, 4, 3}, Shape{3, 3, 2}, Shape{2}}, ConvAttributes{axis}});
      d.samples.push_back({{Shape{2, 3, 1}, Shape{5, 1, 4}, Shape{4}}, ConvAttributes{axis}});
      d.samples.push_back({{Shape{1, 1, 2}, Shape{3, 2, 3}}, ConvAttributes{axis}});
      d.samples.push_back({{Shape{17, 33, 5}, Shape{3, 5, 7}}, ConvAttributes{axis}});
      d.samples.push_back({{Shape{70, 65, 9}, Shape{3, 9, 7}, Shape{7}}, ConvAttributes{axis}});
      d.samples.push_back(
          {{Shape{4, 4, 8}, Shape{3, 8, 17}}, ConvAttributes{axis}});  // in quads from here on
      d.samples.push_back({{Shape{6, 7, 8}, Shape{3, 8, 8}}, ConvAttributes{axis}});
      d.samples.push_back({{Shape{37, 34, 9}, Shape{3, 9, 18}, Shape{18}}, ConvAttributes{axis}});
      d.samples.push_back({{Shape{34, 37, 20}, Shape{3, 20, 16}, Shape{16}}, ConvAttributes{axis}});
    }
    d.samples.push_back({{Shape{70, 65, 9}, Shape{3, 9, 10}, Shape{70, 3, 10}},
                         ConvAttributes{1}});  // several tiles, and positions left over
    for (Index examples : {1, 2, 3, 8})
      d.samples.push_back({{Shape{3, examples, 9}, Shape{3, 9, 8}, Shape{3, std::min<Index>(3, examples), 8}},
                           ConvAttributes{1}});
    const Shape x{5, 4, 3}, w{3, 3, 2};
    d.wrong = {{{x}, ConvAttributes{0}, "expected x, w and perhaps a bias"},
               {{x, w}, ConvAttributes{2}, "axis must be 0 or 1"},
               {{Shape{5, 12}, w}, ConvAttributes{0}, "x of rank 3"},
               {{x, Shape{4, 3, 2}}, ConvAttributes{0}, "must be odd and at most 15, found 4"},
               {{x, Shape{17, 3, 2}}, ConvAttributes{0}, "at most 15, found 17"},
               {{x, Shape{3, 4, 2}}, ConvAttributes{1}, "channels differ: x has 3, w takes 4"},
               {{x, w, Shape{3}}, ConvAttributes{1}, "expected a bias of [2] or, along axis 1, of [5, 3, 2]"},
               {{x, w, Shape{5, 3, 2}}, ConvAttributes{0}, "expected a bias of [2]"}};
    return d;
  }());
  return op;
}

// ---- dw[j, c, o] = sum over positions of x[.. + j - r ..][c] g[..][o] ---------------------------

namespace {

template <class T>
Kernel<T> weight_reverse_kernel(const NodeShape& s) {
  const ConvShape shape =
      conv_shape(s.in[0], s.in[1], s.out[0], s.attributes->as<ConvWeightReverseAttributes>().axis);
  return {[=](const KernelArguments<T>& k) {
            run_conv_weight_reverse(shape, as_it_is(k.in[0]), k.in[1], k.out, k.scratch, *k.parallel);
          },
          conv_weight_reverse_scratch(shape)};
}

}  // namespace

const OpDef& conv_weight_reverse_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "conv_weight_reverse";
    d.doc = "Adjoint of conv's weights from x and the adjoint of its output";
    d.attributes = typeid(ConvWeightReverseAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      return infer_conv_weight_reverse(in, a.as<ConvWeightReverseAttributes>());
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return weight_reverse_kernel<T>(s); });
    d.vjp = [](const VjpInput& v, const Attributes& a) {
      const int axis = a.as<ConvWeightReverseAttributes>().axis;
      return std::vector<Var>{v.wanted[0] ? conv(v.in[1], conv_flip(v.adjoint), Var(), axis) : Var(),
                              v.wanted[1] ? conv(v.in[0], v.adjoint, Var(), axis) : Var()};
    };
    d.cost = [](const NodeShape& s) {
      return static_cast<double>(s.in[0].size()) * static_cast<double>(s.out[0] * s.in[1][2]);
    };
    for (int axis : {0, 1}) {
      d.samples.push_back({{Shape{5, 4, 3}, Shape{5, 4, 2}}, ConvWeightReverseAttributes{axis, 3}});
      d.samples.push_back({{Shape{2, 3, 1}, Shape{2, 3, 4}}, ConvWeightReverseAttributes{axis, 5}});
      d.samples.push_back({{Shape{1, 1, 2}, Shape{1, 1, 3}}, ConvWeightReverseAttributes{axis, 3}});
      d.samples.push_back({{Shape{70, 65, 2}, Shape{70, 65, 3}}, ConvWeightReverseAttributes{axis, 3}});
      d.samples.push_back({{Shape{4, 4, 8}, Shape{4, 4, 17}},
                           ConvWeightReverseAttributes{axis, 3}});  // in quads from here on
      d.samples.push_back({{Shape{7, 6, 8}, Shape{7, 6, 8}}, ConvWeightReverseAttributes{axis, 3}});
      d.samples.push_back({{Shape{61, 70, 9}, Shape{61, 70, 8}}, ConvWeightReverseAttributes{axis, 3}});
      d.samples.push_back({{Shape{70, 61, 8}, Shape{70, 61, 16}}, ConvWeightReverseAttributes{axis, 3}});
    }
    d.wrong = {{{Shape{5, 4, 3}, Shape{5, 3, 2}}, ConvWeightReverseAttributes{0, 3}, "equal leading axes"},
               {{Shape{5, 4, 3}, Shape{5, 4, 2}}, ConvWeightReverseAttributes{0, 4}, "must be odd"},
               {{Shape{5, 4, 3}, Shape{5, 4, 2}}, ConvWeightReverseAttributes{3, 3}, "axis must be 0 or 1"}};
    return d;
  }());
  return op;
}

// ---- flipped weights: conv with them is the reverse of conv -------------------------------------

namespace {

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
        for (Index j = 0; j < k; ++j)
          move(C, O, args.in[0] + (k - 1 - j) * C * O, O, args.out + j * C * O, C);
      }};
    });
    d.vjp = [](const VjpInput& v, const Attributes&) { return std::vector<Var>{conv_flip(v.adjoint)}; };
    d.serial = true;
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
  conv_weight_reverse_op();
  flip_op();
}

Var conv_weight_reverse(Var x, Var g, Index k, int axis, Location at) {
  const Var in[] = {x, g};
  return x.graph().record(conv_weight_reverse_op(), in, ConvWeightReverseAttributes{axis, k}, at);
}

Var conv(Var x, Var w, Var b, int axis, Location at) {
  const Var in[] = {x, w, b};
  return x.graph().record(conv_op(), std::span(in, b ? 3u : 2u), ConvAttributes{axis}, at);
}

}  // namespace autodiff
