#include "autodiff/ops/reduce.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/loops/broadcast.hpp"

namespace autodiff {

namespace {

Shape summed_shape(const Shape& x, int begin, int end) {
  Shape s = x;
  for (int a = begin; a < end; ++a) s = s.with(a, 1);
  return s;
}

// x seen as [A, R, C], summed over R. Long sums are cut into chunks whose partial sums combine in a tree.
template <class T>
Kernel<T> sum_kernel(const NodeShape& s) {
  const auto& [begin, end] = s.attributes->as<SumAttributes>();
  const Index A = s.in[0].size(0, begin), R = s.in[0].size(begin, end), C = s.in[0].size(end, s.in[0].rank());
  const Index chunk = sum_chunk(C), chunks = tile_count(R, chunk);
  const Index group = std::max<Index>(1, kTileElements / (R * C));  // short sums share a tile
  const auto& table = kernels::active<T>();
  const auto add_into = [](Index n, T* a, const T* b) {
    for (Index i = 0; i < n; ++i) a[i] += b[i];
  };
  Kernel<T> kernel;
  kernel.scratch = chunks > 1 ? A * chunks * C : 0;
  kernel.run = [=, &table](const KernelArguments<T>& k) {
    T* partial = chunks > 1 ? k.scratch : k.out;
    for_tiles(*k.parallel, tile_count(A * chunks, group), [&](Index tile) {
      const Index first = tile * group, last = std::min(A * chunks, first + group);
      if (C == 1 && chunks == 1)
        return table.sum_each_row(last - first, R, k.in[0] + first * R, partial + first);
      for (Index i = first; i < last; ++i) {
        const Index a = i / chunks, r = (i % chunks) * chunk, rows = std::min(chunk, R - r);
        const T* x = k.in[0] + (a * R + r) * C;
        if (C == 1) {
          partial[i] = table.sum(rows, x);
        } else {
          std::fill_n(partial + i * C, C, T(0));
          table.sum_rows(rows, C, x, C, partial + i * C);
        }
      }
    });
    if (chunks > 1)
      for (Index a = 0; a < A; ++a) {
        combine_tree(chunks, C, partial + a * chunks * C, add_into);
        std::copy_n(partial + a * chunks * C, C, k.out + a * C);
      }
  };
  return kernel;
}

struct BroadcastAttributes {
  Shape shape;
};

}  // namespace

const OpDef& sum_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "sum";
    d.doc = "Sum over axes [begin, end), kept as extents of 1";
    d.attributes = typeid(SumAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.size() != 1) throw std::invalid_argument("expected one operand");
      const auto& [begin, end] = a.as<SumAttributes>();
      if (begin < 0 || end < begin || end > in[0].rank())
        throw std::invalid_argument(fmt::format("axes to sum are not within rank {}", in[0].rank()));
      return summed_shape(in[0], begin, end);
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return sum_kernel<T>(s); });
    d.vjp = [](const VjpInput& v, const Attributes&) {
      return std::vector<Var>{broadcast_to(v.adjoint, v.in[0].shape())};
    };
    d.cost = [](const NodeShape& s) { return static_cast<double>(s.in[0].size()); };
    for (auto [shape, begin, end] :
         std::initializer_list<std::tuple<Shape, int, int>>{{Shape{3, 5, 7}, 0, 2},
                                                            {Shape{3, 5, 7}, 1, 2},
                                                            {Shape{3, 5, 7}, 2, 3},
                                                            {Shape{3, 5, 7}, 0, 3},
                                                            {Shape{4, 5}, 1, 1},
                                                            {Shape{70000}, 0, 1},
                                                            {Shape{5000, 16}, 0, 1},
                                                            {Shape{1, 1, 17}, 0, 2},
                                                            {Shape{300, 17, 16}, 1, 2}})
      d.samples.push_back({{shape}, SumAttributes{begin, end}});
    for (auto [begin, end] : {std::pair<int, int>{-1, 1}, {1, 0}, {0, 3}})
      d.wrong.push_back({{Shape{4, 5}}, SumAttributes{begin, end}, "axes to sum are not within rank 2"});
    return d;
  }());
  return op;
}

const OpDef& broadcast_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "broadcast";
    d.doc = "x broadcast to a shape";
    d.attributes = typeid(BroadcastAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.size() != 1) throw std::invalid_argument("expected one operand");
      const Shape& to = a.as<BroadcastAttributes>().shape;
      if (broadcast_shape(in[0], to) != to)
        throw std::invalid_argument(fmt::format("does not broadcast to {}", to.to_string()));
      return to;
    };
    d.set_kernel([]<class T>(const NodeShape& s) {
      const BroadcastLoop loop(s.in[0], Shape{}, s.out);
      const auto run = kernels::active<T>().stretch;
      return Kernel<T>{[=](const KernelArguments<T>& k) {
        for_tiles(*k.parallel, loop.tiles(), [&](Index tile) {
          loop.for_blocks(
              tile, [&](Index rows, Index cols, Index x, kernels::BroadcastKind kind, Index,
                        kernels::BroadcastKind, Index y) { run(rows, cols, k.in[0] + x, kind, k.out + y); });
        });
      }};
    });
    d.vjp = [](const VjpInput& v, const Attributes&) {
      return std::vector<Var>{sum_to(v.adjoint, v.in[0].shape())};
    };
    d.samples = {{{Shape{3, 1, 4}}, BroadcastAttributes{{3, 5, 4}}},
                 {{Shape{}}, BroadcastAttributes{{2, 3}}},
                 {{Shape{4}}, BroadcastAttributes{{2, 3, 4}}},
                 {{Shape{5, 1}}, BroadcastAttributes{{5, 6}}},
                 {{Shape{300, 1, 16}}, BroadcastAttributes{{300, 17, 16}}}};
    d.wrong = {{{Shape{3, 2}}, BroadcastAttributes{{3, 4}}, "do not broadcast: 2 against 4"},
               {{Shape{3, 4}}, BroadcastAttributes{{4}}, "does not broadcast to [4]"}};
    return d;
  }());
  return op;
}

void register_reduce_ops() {
  sum_op();
  broadcast_op();
}

Var sum_range(Var x, int begin, int end, Location at) {
  return x.graph().record(sum_op(), std::span(&x, 1), SumAttributes{begin, end}, at);
}

Var sum(Var x, std::initializer_list<int> axes, Location at) {
  std::vector<int> sorted(axes);
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i)
    if (sorted[i] < 0 || sorted[i] >= x.shape().rank() || (i > 0 && sorted[i] == sorted[i - 1]))
      throw std::invalid_argument(
          fmt::format("[sum] axis {} is {}; shape {}, {}", sorted[i],
                      i > 0 && sorted[i] == sorted[i - 1] ? "named twice" : "not within the shape's rank",
                      x.shape().to_string(), x.graph().where(at)));
  for (std::size_t i = 0; i < sorted.size();) {  // neighbouring axes are one sum
    std::size_t j = i + 1;
    while (j < sorted.size() && sorted[j] == sorted[j - 1] + 1) ++j;
    x = sum_range(x, sorted[i], sorted[j - 1] + 1, at);
    i = j;
  }
  return x;
}

Var sum_all(Var x, Location at) { return reshape(sum_range(x, 0, x.shape().rank(), at), Shape{}, at); }

Var mean(Var x, std::initializer_list<int> axes, Location at) {
  const Var total = sum(x, axes, at);
  return affine(total, static_cast<double>(total.shape().size()) / static_cast<double>(x.shape().size()), 0,
                at);
}

Var mean_all(Var x, Location at) {
  return affine(sum_all(x, at), 1 / static_cast<double>(x.shape().size()), 0, at);
}

Var broadcast_to(Var x, Shape shape, Location at) {
  if (x.shape() == shape) return x;
  return x.graph().record(broadcast_op(), std::span(&x, 1), BroadcastAttributes{shape}, at);
}

Var sum_to(Var x, Shape shape, Location at) {
  if (x.shape() == shape) return x;
  const int extra = x.shape().rank() - shape.rank();
  // Neighbouring axes that were broadcast are one sum.
  for (int a = 0; a < x.shape().rank();) {
    auto stretched = [&](int axis) {
      return axis < extra || (shape[axis - extra] == 1 && x.shape()[axis] != 1);
    };
    int end = a;
    while (end < x.shape().rank() && stretched(end)) ++end;
    if (end > a) x = sum_range(x, a, end, at);
    a = std::max(end, a) + 1;
  }
  return reshape(x, shape, at);
}

}  // namespace autodiff
