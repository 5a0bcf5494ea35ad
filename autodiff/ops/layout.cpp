#include "autodiff/ops/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/loops/copy_rows.hpp"
#include "autodiff/ops/loops/tiles.hpp"

namespace autodiff {

namespace {

constexpr Index kBlockElements = 4096;  // of a concat's result: 16 KiB in float

void expect_one(std::span<const Shape> in) {
  if (in.size() != 1) throw std::invalid_argument("expected one operand");
}

int checked_axis(int axis, const Shape& s) {
  if (axis < 0 || axis >= s.rank())
    throw std::invalid_argument(fmt::format("axis is not within rank {}", s.rank()));
  return axis;
}

struct ReshapeAttributes {
  Shape shape;
};

}  // namespace

const OpDef& reshape_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "reshape";
    d.doc = "The same elements under another shape";
    d.attributes = typeid(ReshapeAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      expect_one(in);
      const Shape& to = a.as<ReshapeAttributes>().shape;
      if (to.size() != in[0].size())
        throw std::invalid_argument(
            fmt::format("sizes differ: {} elements to {}", in[0].size(), to.to_string()));
      return to;
    };
    d.vjp = [](const VjpInput& v, const Attributes&) {
      return std::vector<Var>{reshape(v.adjoint, v.in[0].shape())};
    };
    d.cost = [](const NodeShape&) { return 0.0; };
    d.view = [](const NodeShape&) { return std::optional<Index>(0); };
    d.serial = true;
    d.samples = {{{Shape{2, 3, 4}}, ReshapeAttributes{{6, 4}}}, {{Shape{1}}, ReshapeAttributes{}}};
    d.wrong = {{{Shape{2, 3}}, ReshapeAttributes{{7}}, "sizes differ: 6 elements to [7]"},
               {{Shape{6}, Shape{6}}, ReshapeAttributes{{6}}, "expected one operand"}};
    return d;
  }());
  return op;
}

namespace {

// out[i0, i1, ..] = x at strides. If x's contiguous axis is not out's last axis, the two are moved as matrix
// transposes.
template <class T>
Kernel<T> transpose_kernel(const NodeShape& s) {
  const Shape &x = s.in[0], &y = s.out;
  const int rank = x.rank();
  const auto& permutation = s.attributes->as<TransposeAttributes>().permutation;
  std::vector<Index> x_stride(static_cast<std::size_t>(rank)), stride(static_cast<std::size_t>(rank)),
      y_stride(static_cast<std::size_t>(rank));
  for (int a = 0; a < rank; ++a) x_stride[static_cast<std::size_t>(a)] = x.size(a + 1, rank);
  for (int a = 0; a < rank; ++a) {
    stride[static_cast<std::size_t>(a)] =
        x_stride[static_cast<std::size_t>(permutation[static_cast<std::size_t>(a)])];
    y_stride[static_cast<std::size_t>(a)] = y.size(a + 1, rank);
  }
  const int last = rank - 1;
  int contiguous = last;  // out's axis along which x is contiguous
  for (int a = 0; a < rank; ++a)
    if (permutation[static_cast<std::size_t>(a)] == last) contiguous = a;
  std::vector<int> loops;
  for (int a = 0; a < rank; ++a)
    if (a != last && a != contiguous) loops.push_back(a);
  Index count = 1;
  for (int a : loops) count *= y[a];
  const auto& table = kernels::active<T>();
  const Index rows = contiguous == last ? 1 : y[last], cols = y[contiguous];
  return Kernel<T>{[=, &table](const KernelArguments<T>& k) {
    const Index per_tile = std::max<Index>(1, kTileElements / (rows * cols));
    for_tiles(*k.parallel, tile_count(count, per_tile), [&](Index tile) {
      for (Index i = tile * per_tile; i < std::min(count, (tile + 1) * per_tile); ++i) {
        Index rest = i, from = 0, to = 0;
        for (auto a = loops.rbegin(); a != loops.rend(); ++a) {
          const Index digit = rest % y[*a];
          rest /= y[*a];
          from += digit * stride[static_cast<std::size_t>(*a)];
          to += digit * y_stride[static_cast<std::size_t>(*a)];
        }
        if (contiguous == last)
          std::copy_n(k.in[0] + from, cols, k.out + to);
        else
          table.transpose(rows, cols, k.in[0] + from, stride[static_cast<std::size_t>(last)], k.out + to,
                          y_stride[static_cast<std::size_t>(contiguous)]);
      }
    });
  }};
}

}  // namespace

const OpDef& transpose_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "transpose";
    d.doc = "Axes in another order: out's axis i is x's axis permutation[i]";
    d.attributes = typeid(TransposeAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      expect_one(in);
      const auto& permutation = a.as<TransposeAttributes>().permutation;
      std::vector<Index> sorted = permutation, all(static_cast<std::size_t>(in[0].rank()));
      std::iota(all.begin(), all.end(), 0);
      std::sort(sorted.begin(), sorted.end());
      if (sorted != all || all.empty())
        throw std::invalid_argument(fmt::format("not a permutation of the axes of rank {}", in[0].rank()));
      std::vector<Index> out;
      for (Index p : permutation) out.push_back(in[0][static_cast<int>(p)]);
      return Shape(out);
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return transpose_kernel<T>(s); });
    d.view = [](const NodeShape& s) -> std::optional<Index> {  // a view if only axes of extent 1 move
      std::vector<Index> moving;
      for (Index p : s.attributes->as<TransposeAttributes>().permutation)
        if (s.in[0][static_cast<int>(p)] > 1) moving.push_back(p);
      if (!std::is_sorted(moving.begin(), moving.end())) return {};
      return 0;
    };
    d.vjp = [](const VjpInput& v, const Attributes& a) {
      const auto& permutation = a.as<TransposeAttributes>().permutation;
      std::vector<Index> inverse(permutation.size());
      for (std::size_t i = 0; i < permutation.size(); ++i)
        inverse[static_cast<std::size_t>(permutation[i])] = static_cast<Index>(i);
      return std::vector<Var>{transpose(v.adjoint, inverse)};
    };
    d.samples = {{{Shape{3, 5}}, TransposeAttributes{{1, 0}}},
                 {{Shape{3, 5, 7}}, TransposeAttributes{{2, 1, 0}}},
                 {{Shape{3, 5, 7}}, TransposeAttributes{{1, 0, 2}}},
                 {{Shape{2, 3, 4, 5}}, TransposeAttributes{{2, 0, 3, 1}}},
                 {{Shape{4}}, TransposeAttributes{{0}}},
                 {{Shape{40, 50, 60}}, TransposeAttributes{{1, 0, 2}}},
                 {{Shape{40, 50, 60}}, TransposeAttributes{{2, 1, 0}}}};
    d.wrong = {{{Shape{2, 3}}, TransposeAttributes{{0, 0}}, "not a permutation of the axes of rank 2"},
               {{Shape{2, 3}}, TransposeAttributes{{2, 1, 0}}, "not a permutation"},
               {{Shape{}}, TransposeAttributes{}, "not a permutation"}};
    return d;
  }());
  return op;
}

const OpDef& concat_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "concat";
    d.doc = "Operands one after the other along an axis";
    d.attributes = typeid(ConcatAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.empty()) throw std::invalid_argument("expected at least one operand");
      const int axis = checked_axis(a.as<ConcatAttributes>().axis, in[0]);
      Index extent = 0;
      for (const Shape& s : in) {
        if (s.rank() != in[0].rank() || s.with(axis, 1) != in[0].with(axis, 1))
          throw std::invalid_argument(fmt::format("extents differ apart from axis {}", axis));
        extent += s[axis];
      }
      return in[0].with(axis, extent);
    };
    d.set_kernel([]<class T>(const NodeShape& s) {
      const int axis = s.attributes->as<ConcatAttributes>().axis, rank = s.out.rank();
      const Index rows = s.out.size(0, axis), pitch = s.out.size(axis, rank);
      std::vector<Index> widths;
      for (const Shape& in : s.in) widths.push_back(in.size(axis, rank));
      return Kernel<T>{[=](const KernelArguments<T>& k) {
        const Index per_tile = std::max<Index>(1, kTileElements / pitch),
                    per_block = std::max<Index>(1, kBlockElements / pitch);
        for_tiles(*k.parallel, tile_count(rows, per_tile), [&](Index tile) {
          const Index last = std::min(rows, (tile + 1) * per_tile);
          for (Index first = tile * per_tile; first < last;
               first +=
               per_block) {  // out stays in the first-level cache while the operands are copied into it
            const Index n = std::min(per_block, last - first);
            Index at = 0;
            for (std::size_t i = 0; i < widths.size(); ++i) {
              if (rows > 1 || k.in[i] != k.out + at)
                copy_rows(n, widths[i], k.in[i] + first * widths[i], widths[i], k.out + first * pitch + at,
                          pitch);
              at += widths[i];
            }
          }
        });
      }};
    });
    d.joins = [](const NodeShape& s) {
      return s.out.size(0, s.attributes->as<ConcatAttributes>().axis) == 1;
    };
    d.vjp = [](const VjpInput& v, const Attributes& a) {
      const int axis = a.as<ConcatAttributes>().axis;
      std::vector<Var> adjoints;
      Index at = 0;
      for (std::size_t i = 0; i < v.in.size(); ++i) {
        const Index n = v.in[i].shape()[axis];
        adjoints.push_back(v.wanted[i] ? slice(v.adjoint, axis, at, at + n) : Var());
        at += n;
      }
      return adjoints;
    };
    d.samples = {{{Shape{2, 3, 4}, Shape{2, 1, 4}, Shape{2, 2, 4}}, ConcatAttributes{1}},
                 {{Shape{2, 3}, Shape{4, 3}}, ConcatAttributes{0}},
                 {{Shape{5, 2}, Shape{5, 3}}, ConcatAttributes{1}},
                 {{Shape{300, 17, 16}, Shape{300, 3, 16}}, ConcatAttributes{1}}};
    d.wrong = {{{}, ConcatAttributes{0}, "expected at least one operand"},
               {{Shape{2, 3}, Shape{3, 3}}, ConcatAttributes{1}, "extents differ apart from axis 1"},
               {{Shape{2, 3}, Shape{2}}, ConcatAttributes{0}, "extents differ apart from axis 0"},
               {{Shape{2, 3}}, ConcatAttributes{2}, "axis is not within rank 2"}};
    return d;
  }());
  return op;
}

const OpDef& slice_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "slice";
    d.doc = "Elements [begin, end) along an axis";
    d.attributes = typeid(SliceAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      expect_one(in);
      const auto& [axis, begin, end] = a.as<SliceAttributes>();
      checked_axis(axis, in[0]);
      if (begin < 0 || end <= begin || end > in[0][axis])
        throw std::invalid_argument(
            fmt::format("range is not within extent {} of axis {}", in[0][axis], axis));
      return in[0].with(axis, end - begin);
    };
    d.set_kernel([]<class T>(const NodeShape& s) {
      const auto& a = s.attributes->as<SliceAttributes>();
      const int axis = a.axis, rank = s.out.rank();
      const Index rows = s.out.size(0, axis), inner = s.out.size(axis + 1, rank);
      const Index pitch = s.in[0].size(axis, rank), width = s.out.size(axis, rank), skip = a.begin * inner;
      return Kernel<T>{[=](const KernelArguments<T>& k) {
        const Index per_tile = std::max<Index>(1, kTileElements / width);
        for_tiles(*k.parallel, tile_count(rows, per_tile), [&](Index tile) {
          const Index first = tile * per_tile, n = std::min(per_tile, rows - first);
          copy_rows(n, width, k.in[0] + first * pitch + skip, pitch, k.out + first * width, width);
        });
      }};
    });
    d.view = [](const NodeShape& s) -> std::optional<Index> {
      const auto& a = s.attributes->as<SliceAttributes>();
      if (s.out.size(0, a.axis) != 1) return {};
      return a.begin * s.out.size(a.axis + 1, s.out.rank());
    };
    d.vjp = [](const VjpInput& v, const Attributes& a) {
      const auto& [axis, begin, end] = a.as<SliceAttributes>();
      return std::vector<Var>{pad(v.adjoint, axis, begin, v.in[0].shape()[axis] - end)};
    };
    d.samples = {{{Shape{2, 6, 4}}, SliceAttributes{1, 2, 5}},
                 {{Shape{6, 3}}, SliceAttributes{0, 0, 2}},
                 {{Shape{5, 7}}, SliceAttributes{1, 6, 7}},
                 {{Shape{300, 17, 16}}, SliceAttributes{1, 2, 15}}};
    for (auto [begin, end] : {std::pair<Index, Index>{2, 8}, {-1, 3}, {3, 3}})
      d.wrong.push_back(
          {{Shape{5, 7}}, SliceAttributes{1, begin, end}, "range is not within extent 7 of axis 1"});
    d.wrong.push_back({{Shape{5, 7}}, SliceAttributes{2, 0, 1}, "axis is not within rank 2"});
    return d;
  }());
  return op;
}

const OpDef& pad_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "pad";
    d.doc = "Zeros before and after along an axis";
    d.attributes = typeid(PadAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      expect_one(in);
      const auto& [axis, before, after] = a.as<PadAttributes>();
      checked_axis(axis, in[0]);
      if (before < 0 || after < 0) throw std::invalid_argument("widths of the padding are negative");
      return in[0].with(axis, in[0][axis] + before + after);
    };
    d.set_kernel([]<class T>(const NodeShape& s) {
      const auto& a = s.attributes->as<PadAttributes>();
      const int axis = a.axis, rank = s.out.rank();
      const Index rows = s.out.size(0, axis), inner = s.out.size(axis + 1, rank);
      const Index pitch = s.out.size(axis, rank), width = s.in[0].size(axis, rank), skip = a.before * inner;
      return Kernel<T>{[=](const KernelArguments<T>& k) {
        const Index per_tile = std::max<Index>(1, kTileElements / pitch);
        for_tiles(*k.parallel, tile_count(rows, per_tile), [&](Index tile) {
          for (Index r = tile * per_tile; r < std::min(rows, (tile + 1) * per_tile); ++r) {
            T* y = k.out + r * pitch;
            std::fill_n(y, skip, T(0));
            std::copy_n(k.in[0] + r * width, width, y + skip);
            std::fill_n(y + skip + width, pitch - skip - width, T(0));
          }
        });
      }};
    });
    d.vjp = [](const VjpInput& v, const Attributes& a) {
      const auto& [axis, before, after] = a.as<PadAttributes>();
      return std::vector<Var>{slice(v.adjoint, axis, before, before + v.in[0].shape()[axis])};
    };
    d.samples = {{{Shape{2, 3, 4}}, PadAttributes{1, 2, 1}},
                 {{Shape{2, 3}}, PadAttributes{0, 0, 2}},
                 {{Shape{300, 15, 16}}, PadAttributes{1, 1, 2}}};
    d.wrong = {{{Shape{2, 3}}, PadAttributes{1, -1, 0}, "widths of the padding"},
               {{Shape{2, 3}}, PadAttributes{2, 0, 1}, "axis is not within rank 2"}};
    return d;
  }());
  return op;
}

namespace {

const OpDef& zero_diagonal_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "zero_diagonal";
    d.doc = "A square matrix with its diagonal set to zero";
    d.infer = [](std::span<const Shape> in, const Attributes&) {
      expect_one(in);
      if (in[0].rank() != 2 || in[0][0] != in[0][1]) throw std::invalid_argument("expected a square matrix");
      return in[0];
    };
    d.set_kernel([]<class T>(const NodeShape& s) {
      const Index n = s.out[0];
      return Kernel<T>{[=](const KernelArguments<T>& k) {
        if (k.out != k.in[0]) std::copy_n(k.in[0], n * n, k.out);
        for (Index i = 0; i < n; ++i) k.out[i * (n + 1)] = 0;
      }};
    });
    d.vjp = [](const VjpInput& v, const Attributes&) { return std::vector<Var>{zero_diagonal(v.adjoint)}; };
    d.in_place = {0};
    d.serial = true;
    d.samples = {{{Shape{5, 5}}, {}}, {{Shape{1, 1}}, {}}};
    d.wrong = {{{Shape{5, 4}}, {}, "expected a square matrix"}, {{Shape{5}}, {}, "expected a square matrix"}};
    return d;
  }());
  return op;
}

}  // namespace

void register_layout_ops() {
  reshape_op();
  transpose_op();
  concat_op();
  slice_op();
  pad_op();
  zero_diagonal_op();
}

Var reshape(Var x, Shape shape, Location at) {
  if (x.shape() == shape) return x;
  return x.graph().record(reshape_op(), std::span(&x, 1), ReshapeAttributes{shape}, at);
}

Var transpose(Var x, std::vector<Index> permutation, Location at) {
  return x.graph().record(transpose_op(), std::span(&x, 1), TransposeAttributes{std::move(permutation)}, at);
}
Var transpose(Var x, Location at) { return transpose(x, {1, 0}, at); }

Var concat(std::span<const Var> operands, int axis, Location at) {
  if (operands.empty()) throw std::invalid_argument("[concat] expected at least one operand");
  return operands.front().graph().record(concat_op(), operands, ConcatAttributes{axis}, at);
}

Var slice(Var x, int axis, Index begin, Index end, Location at) {
  return x.graph().record(slice_op(), std::span(&x, 1), SliceAttributes{axis, begin, end}, at);
}
Var pad(Var x, int axis, Index before, Index after, Location at) {
  return x.graph().record(pad_op(), std::span(&x, 1), PadAttributes{axis, before, after}, at);
}
Var zero_diagonal(Var x, Location at) {
  return x.graph().record(zero_diagonal_op(), std::span(&x, 1), {}, at);
}

}  // namespace autodiff
