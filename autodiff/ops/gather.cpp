#include "autodiff/ops/gather.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/loops/tiles.hpp"

namespace autodiff {

namespace {

void expect_rows(std::span<const Shape> in) {
  if (in.size() != 2) throw std::invalid_argument("expected rows and their numbers");
  if (in[0].rank() == 0 || in[1].rank() != 1)
    throw std::invalid_argument("expected an array of rows and a list of row numbers");
}

// The row with this number, or -1. Written so that NaN gives -1.
template <class T>
Index row_number(T value, Index N) {
  return value >= T(0) && value < static_cast<T>(N) ? static_cast<Index>(value) : -1;
}

const OpDef& gather_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "gather";
    d.doc = "Rows of x by number: out[i, ..] = x[rows[i], ..]; NaN where there is no such row";
    d.infer = [](std::span<const Shape> in, const Attributes&) {
      expect_rows(in);
      return in[0].with(0, in[1][0]);
    };
    d.set_kernel([]<class T>(const NodeShape& s) {
      const Index N = s.in[0][0], n = s.in[1][0], width = s.in[0].size() / N,
                  per_tile = std::max<Index>(1, kTileElements / width);
      return Kernel<T>{[=](const KernelArguments<T>& k) {
        for_tiles(*k.parallel, tile_count(n, per_tile), [&](Index tile) {
          for (Index i = tile * per_tile; i < std::min(n, (tile + 1) * per_tile); ++i) {
            const Index row = row_number(k.in[1][i], N);
            if (row < 0)
              std::fill_n(k.out + i * width, width, std::numeric_limits<T>::quiet_NaN());
            else
              std::copy_n(k.in[0] + row * width, width, k.out + i * width);
          }
        });
      }};
    });
    d.vjp = [](const VjpInput& v, const Attributes&) {
      return std::vector<Var>{scatter_add(v.adjoint, v.in[1], v.in[0].shape()[0]), Var()};
    };
    d.samples = {{{Shape{5, 3}, Shape{7}}, {}, 0.3, 4.6},
                 {{Shape{4}, Shape{2}}, {}, 0.2, 3.9},
                 {{Shape{6, 2, 3}, Shape{4}}, {}, 0.1, 5.9},
                 {{Shape{5, 300}, Shape{400}}, {}, 0.3, 4.6}};
    d.wrong = {{{Shape{5, 3}}, {}, "expected rows and their numbers"},
               {{Shape{5, 3}, Shape{2, 2}}, {}, "a list of row numbers"},
               {{Shape{}, Shape{2}}, {}, "an array of rows"}};
    return d;
  }());
  return op;
}

struct ScatterAttributes {
  Index rows = 0;  // of the result
};

const OpDef& scatter_add_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "scatter_add";
    d.doc =
        "Sums rows by number: out[rows[i], ..] += x[i, ..] in the order of i; numbers outside the range are "
        "ignored";
    d.attributes = typeid(ScatterAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      expect_rows(in);
      if (in[0][0] != in[1][0])
        throw std::invalid_argument(fmt::format("{} rows, but {} numbers", in[0][0], in[1][0]));
      const Index rows = a.as<ScatterAttributes>().rows;
      if (rows < 1) throw std::invalid_argument("the number of rows of the result must be positive");
      return in[0].with(0, rows);
    };
    // Split by columns, so that one thread computes each sum, in the order of i.
    d.set_kernel([]<class T>(const NodeShape& s) {
      const Index N = s.out[0], n = s.in[0][0], width = s.out.size() / N,
                  per_tile = std::max<Index>(16, kTileElements / (N + n));
      return Kernel<T>{[=](const KernelArguments<T>& k) {
        for_tiles(*k.parallel, tile_count(width, per_tile), [&](Index tile) {
          const Index first = tile * per_tile, count = std::min(per_tile, width - first);
          for (Index row = 0; row < N; ++row) std::fill_n(k.out + row * width + first, count, T(0));
          for (Index i = 0; i < n; ++i)
            if (const Index row = row_number(k.in[1][i], N); row >= 0)
              for (Index c = first; c < first + count; ++c) k.out[row * width + c] += k.in[0][i * width + c];
        });
      }};
    });
    d.vjp = [](const VjpInput& v, const Attributes&) {
      return std::vector<Var>{gather(v.adjoint, v.in[1]), Var()};
    };
    d.cost = [](const NodeShape& s) { return static_cast<double>(s.in[0].size() + s.out.size()); };
    d.samples = {{{Shape{7, 3}, Shape{7}}, ScatterAttributes{5}, 0.3, 4.6},
                 {{Shape{2}, Shape{2}}, ScatterAttributes{4}, 0.2, 3.9},
                 {{Shape{400, 300}, Shape{400}}, ScatterAttributes{5}, 0.3, 4.6}};
    d.wrong = {{{Shape{5, 3}, Shape{4}}, ScatterAttributes{5}, "5 rows, but 4 numbers"},
               {{Shape{5, 3}}, ScatterAttributes{5}, "expected rows and their numbers"},
               {{Shape{5, 3}, Shape{5}}, ScatterAttributes{0}, "the number of rows"}};
    return d;
  }());
  return op;
}

}  // namespace

void register_gather_ops() {
  gather_op();
  scatter_add_op();
}

Var gather(Var x, Var rows, Location at) {
  const Var in[] = {x, rows};
  return x.graph().record(gather_op(), in, {}, at);
}

Var scatter_add(Var x, Var rows, Index N, Location at) {
  const Var in[] = {x, rows};
  return x.graph().record(scatter_add_op(), in, ScatterAttributes{N}, at);
}

Var one_hot(Var labels, Index classes, Location at) {
  std::vector<double> identity(static_cast<std::size_t>(classes * classes), 0.0);
  for (Index c = 0; c < classes; ++c) identity[static_cast<std::size_t>(c * (classes + 1))] = 1;
  return gather(labels.graph().constant(Shape{classes, classes}, std::move(identity), at), labels, at);
}

}  // namespace autodiff
