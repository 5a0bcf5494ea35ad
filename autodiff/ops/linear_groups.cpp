#include "autodiff/ops/linear_groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "autodiff/graph/op.hpp"
#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/loops/copy_rows.hpp"
#include "autodiff/ops/loops/tiles.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"

namespace autodiff {

namespace {

struct GroupsAttributes {
  std::vector<Index> widths;
};
const std::vector<Index>& widths_of(const Attributes& a) { return a.as<GroupsAttributes>().widths; }

// Groups [first, last) of the columns [column, column + columns).
struct Run {
  std::size_t first, last;
  Index column, columns;
};

struct Groups {
  Index n, C, O = 0;             // rows; columns of x and of all groups
  std::vector<Index> width, at;  // of each group: its columns, and its first one

  Groups(Index rows, Index channels, const std::vector<Index>& widths) : n(rows), C(channels), width(widths) {
    for (Index w : width) {
      at.push_back(O);
      O += w;
    }
  }
  /// Where group i's row r starts in the flat array.
  Index place(std::size_t i, Index r) const { return n * at[i] + r * width[i]; }

  /// Merges neighbouring groups into runs: a group joins the previous run if joins(run, width).
  template <class Joins>
  std::vector<Run> runs(Joins joins) const {
    std::vector<Run> found;
    for (std::size_t i = 0; i < width.size(); ++i) {
      if (found.empty() || !joins(found.back(), width[i])) found.push_back({i, i, at[i], 0});
      found.back().last = i + 1;
      found.back().columns += width[i];
    }
    return found;
  }
};

/// Rows of a tile whose rows of `columns` numbers stay in the first-level cache.
Index tile_rows(Index columns) { return std::max<Index>(16, 4096 / columns / 16 * 16); }

// ---- groups = x w + b ---------------------------------------------------------------------------

// A product is faster with many adjacent columns, so neighbouring groups are computed together in a buffer in
// the first-level cache.
template <class T>
Kernel<T> groups_kernel(const NodeShape& s) {
  constexpr Index kMostColumns = 256;
  const Groups g(s.in[0][0], s.in[0][1], widths_of(*s.attributes));
  const std::vector<Run> runs =
      g.runs([](const Run& run, Index width) { return run.columns + width <= kMostColumns; });
  const Index tile_of = tile_rows(std::min(g.O, kMostColumns));
  const auto product = kernels::active<T>().product;
  return {[=](const KernelArguments<T>& k) {
    for_tiles(*k.parallel, tile_count(g.n, tile_of), [&](Index tile) {
      alignas(64) T buffer[4096];
      const Index r = tile * tile_of, rows = std::min(tile_of, g.n - r);
      const T* x = k.in[0] + r * g.C;
      for (const Run& run : runs) {
        const bool alone = run.last - run.first == 1;
        const T* w = k.in[1] + run.column;
        product({.M = rows,
                 .N = run.columns,
                 .K = g.C,
                 .a = &x,
                 .a_row = g.C,
                 .b = &w,
                 .ldb = g.O,
                 .c = alone ? k.out + g.place(run.first, r) : buffer,
                 .ldc = run.columns,
                 .bias = k.in[2] + run.column});
        if (alone) continue;
        for (std::size_t i = run.first; i < run.last; ++i)
          copy_rows(rows, g.width[i], buffer + g.at[i] - run.column, run.columns, k.out + g.place(i, r),
                    g.width[i]);
      }
    });
  }};
}

// ---- dx = sum over groups of dgroup w_group^T ---------------------------------------------------

// Neighbouring groups of one width are the terms of one product.
template <class T>
Kernel<T> reverse_kernel(const NodeShape& s) {
  constexpr std::size_t kMostTerms = 64;
  const Groups g(s.out[0], s.out[1], widths_of(*s.attributes));
  const std::vector<Run> runs = g.runs([&](const Run& run, Index width) {
    return g.width[run.first] == width && run.last - run.first < kMostTerms;
  });
  const Index tile_of = tile_rows(g.C);
  const auto& table = kernels::active<T>();
  return {[=, &table](const KernelArguments<T>& k) {
            table.transpose(g.C, g.O, k.in[1], g.O, k.scratch, g.C);
            for_tiles(*k.parallel, tile_count(g.n, tile_of), [&](Index tile) {
              const Index r = tile * tile_of, rows = std::min(tile_of, g.n - r);
              const T *dy[kMostTerms], *w[kMostTerms];
              for (const Run& run : runs) {
                for (std::size_t i = run.first; i < run.last; ++i) {
                  dy[i - run.first] = k.in[0] + g.place(i, r);
                  w[i - run.first] = k.scratch + g.at[i] * g.C;
                }
                const Index width = g.width[run.first];
                table.product({.M = rows,
                               .N = g.C,
                               .K = width,
                               .terms = static_cast<Index>(run.last - run.first),
                               .a = dy,
                               .a_row = width,
                               .b = w,
                               .ldb = g.C,
                               .c = k.out + r * g.C,
                               .ldc = g.C,
                               .accumulate = run.first > 0});
              }
            });
          },
          g.C * g.O};
}

// ---- dw = x^T dgroups, and below it db = sum over rows of dgroups: [C + 1, O] -------------------

/// Adds the sums of the columns of x [rows, width] to s. Several rows are added in parallel lanes, to fill
/// the vectors.
template <class T>
void add_column_sums(const kernels::Kernels<T>& table, Index rows, Index width, const T* x, T* s) {
  constexpr Index kSide = 16, kNarrow = 16;
  T side[kSide * kNarrow] = {};
  Index done = 0;
  if (width <= kNarrow) {
    done = rows / kSide * kSide;
    table.sum_rows(rows / kSide, kSide * width, x, kSide * width, side);
    for (Index i = 0; i < kSide * width; ++i) s[i % width] += side[i];
  }
  table.sum_rows(rows - done, width, x + done * width, width, s);
}

// Each group separately and transposed, dgroup^T x: a narrow product then uses whole vectors of columns of x,
// and reads the groups in place.
template <class T>
Kernel<T> weights_kernel(const NodeShape& s) {
  constexpr Index kChunk = 2048, kRows = 512;
  const Groups g(s.in[0][0], s.in[0][1], widths_of(*s.attributes));
  const Index chunks = tile_count(g.n, kChunk), size = (g.C + 1) * g.O;
  const auto& table = kernels::active<T>();
  return {[=, &table](const KernelArguments<T>& k) {
            for_tiles(*k.parallel, chunks, [&](Index chunk) {
              T* const part = k.scratch + chunk * size;  // dw^T [O, C], then db
              std::fill_n(part, size, T(0));
              const Index first = chunk * kChunk, last = std::min(g.n, first + kChunk);
              for (Index r = first; r < last; r += kRows) {
                const Index rows = std::min(kRows, last - r);
                const T* x = k.in[0] + r * g.C;
                for (std::size_t i = 0; i < g.width.size(); ++i) {
                  const T* dy = k.in[1] + g.place(i, r);
                  table.product({.M = g.width[i],
                                 .N = g.C,
                                 .K = rows,
                                 .a = &dy,
                                 .a_row = 1,
                                 .a_col = g.width[i],
                                 .b = &x,
                                 .ldb = g.C,
                                 .c = part + g.at[i] * g.C,
                                 .ldc = g.C,
                                 .accumulate = true});
                  add_column_sums(table, rows, g.width[i], dy, part + g.C * g.O + g.at[i]);
                }
              }
            });
            combine_tree(chunks, size, k.scratch, [](Index n, T* a, const T* b) {
              for (Index i = 0; i < n; ++i) a[i] += b[i];
            });
            table.transpose(g.O, g.C, k.scratch, g.C, k.out, g.O);
            std::copy_n(k.scratch + g.C * g.O, g.O, k.out + g.C * g.O);
          },
          chunks * size};
}

// ---- shape rules and meanings -------------------------------------------------------------------

Index total_width(const Attributes& a) {
  const auto& widths = widths_of(a);
  if (widths.empty() || *std::min_element(widths.begin(), widths.end()) < 1)
    throw std::invalid_argument("expected the widths of the groups, at least 1");
  return std::accumulate(widths.begin(), widths.end(), Index(0));
}

void expect_flat(const Shape& s, Index n, Index O) {
  if (s != Shape{n * O})
    throw std::invalid_argument(
        fmt::format("expected groups of {} rows and {} columns in all, [{}]", n, O, n * O));
}

/// f(group, first column, end column) of each group.
void for_groups(const Attributes& a, const std::function<void(std::size_t, Index, Index)>& f) {
  const auto& widths = widths_of(a);
  Index at = 0;
  for (std::size_t i = 0; i < widths.size(); at += widths[i], ++i) f(i, at, at + widths[i]);
}

/// All groups of the flat array, concatenated by columns: [n, O].
Var side_by_side(Var flat, Index n, const Attributes& a) {
  std::vector<Var> groups;
  for_groups(a, [&](std::size_t, Index from, Index to) {
    groups.push_back(reshape(slice(flat, 0, n * from, n * to), Shape{n, to - from}));
  });
  return concat(groups, 1);
}

Var reverse(Var adjoint, Var w, const Attributes& a);
Var weights(Var x, Var adjoint, const Attributes& a);

const OpDef& groups_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "linear_groups";
    d.doc = "x [n, C] w [C, O] + b [O], the columns in groups that lie one after the other: [n * O]";
    d.attributes = typeid(GroupsAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.size() != 3 || in[0].rank() != 2 || in[1].rank() != 2)
        throw std::invalid_argument("expected two matrices and a bias");
      if (in[0][1] != in[1][0])
        throw std::invalid_argument(fmt::format("inner sizes differ: {} against {}", in[0][1], in[1][0]));
      const Index O = total_width(a);
      if (in[1][1] != O || in[2] != Shape{O})
        throw std::invalid_argument(
            fmt::format("expected {} columns and as many biases, the sum of the groups' widths", O));
      return Shape{in[0][0] * O};
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      const Var y = matmul(in[0], in[1]) + in[2];
      std::vector<Var> groups;
      for_groups(a, [&](std::size_t, Index from, Index to) {
        groups.push_back(reshape(slice(y, 1, from, to), Shape{y.shape()[0] * (to - from)}));
      });
      return concat(groups, 0);
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return groups_kernel<T>(s); });
    d.vjp = [](const VjpInput& v, const Attributes& a) {
      const Index C = v.in[1].shape()[0], O = v.in[1].shape()[1];
      const Var sums = v.wanted[1] || v.wanted[2] ? weights(v.in[0], v.adjoint, a) : Var();
      return std::vector<Var>{v.wanted[0] ? reverse(v.adjoint, v.in[1], a) : Var(),
                              v.wanted[1] ? slice(sums, 0, 0, C) : Var(),
                              v.wanted[2] ? reshape(slice(sums, 0, C, C + 1), Shape{O}) : Var()};
    };
    d.cost = [](const NodeShape& s) {
      return static_cast<double>(s.out.size()) * static_cast<double>(s.in[0][1]);
    };
    d.samples = {{{Shape{5, 3}, Shape{3, 7}, Shape{7}}, GroupsAttributes{{4, 1, 2}}},
                 {{Shape{1, 2}, Shape{2, 1}, Shape{1}}, GroupsAttributes{{1}}},
                 {{Shape{300, 17}, Shape{17, 69}, Shape{69}}, GroupsAttributes{{8, 1, 60}}},
                 {{Shape{21, 2}, Shape{2, 565}, Shape{565}}, GroupsAttributes{{3, 300, 100, 150, 12}}}};
    const Shape x{5, 3}, w{3, 7}, b{7};
    d.wrong = {{{x, w}, GroupsAttributes{{7}}, "expected two matrices and a bias"},
               {{x, Shape{4, 7}, b}, GroupsAttributes{{7}}, "inner sizes differ: 3 against 4"},
               {{x, w, b}, GroupsAttributes{{4, 2}}, "expected 6 columns"},
               {{x, w, Shape{6}}, GroupsAttributes{{4, 3}}, "expected 7 columns and as many biases"},
               {{x, w, b}, GroupsAttributes{{7, 0}}, "expected the widths of the groups"},
               {{x, w, b}, GroupsAttributes{}, "expected the widths of the groups"}};
    return d;
  }());
  return op;
}

const OpDef& reverse_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "linear_groups_reverse";
    d.doc = "Adjoint of linear_groups' x [n, C] from the adjoint of its output [n * O] and w [C, O]";
    d.attributes = typeid(GroupsAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.size() != 2 || in[0].rank() != 1 || in[1].rank() != 2)
        throw std::invalid_argument("expected an adjoint of groups and a matrix");
      const Index O = total_width(a), n = std::max<Index>(1, in[0][0] / O);
      if (in[1][1] != O)
        throw std::invalid_argument(fmt::format("expected {} columns, the sum of the groups' widths", O));
      expect_flat(in[0], n, O);
      return Shape{n, in[1][0]};
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      return matmul(side_by_side(in[0], in[0].shape()[0] / in[1].shape()[1], a), in[1], Transposed::no,
                    Transposed::yes);
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return reverse_kernel<T>(s); });
    d.cost = [](const NodeShape& s) {
      return static_cast<double>(s.in[0].size()) * static_cast<double>(s.out[1]);
    };
    d.samples = {{{Shape{35}, Shape{3, 7}}, GroupsAttributes{{4, 1, 2}}},
                 {{Shape{300 * 69}, Shape{17, 69}}, GroupsAttributes{{8, 1, 60}}},
                 {{Shape{21 * 565}, Shape{2, 565}}, GroupsAttributes{{3, 300, 100, 150, 12}}}};
    d.wrong = {
        {{Shape{35}}, GroupsAttributes{{7}}, "expected an adjoint of groups and a matrix"},
        {{Shape{36}, Shape{3, 7}}, GroupsAttributes{{4, 3}}, "expected groups of 5 rows and 7 columns"},
        {{Shape{35}, Shape{3, 7}}, GroupsAttributes{{4, 2}}, "expected 6 columns"},
        {{Shape{35}, Shape{3, 7}}, GroupsAttributes{}, "expected the widths of the groups"}};
    return d;
  }());
  return op;
}

const OpDef& weights_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "linear_groups_weights";
    d.doc =
        "Adjoints of linear_groups' w and, as one more row, of its bias, [C + 1, O], from x [n, C] and the "
        "adjoint of its output [n * O]";
    d.attributes = typeid(GroupsAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.size() != 2 || in[0].rank() != 2 || in[1].rank() != 1)
        throw std::invalid_argument("expected a matrix and an adjoint of groups");
      const Index O = total_width(a);
      expect_flat(in[1], in[0][0], O);
      return Shape{in[0][1] + 1, O};
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      const Var dy = side_by_side(in[1], in[0].shape()[0], a);
      const Var parts[] = {matmul(in[0], dy, Transposed::yes, Transposed::no), sum(dy, {0})};
      return concat(parts, 0);
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return weights_kernel<T>(s); });
    d.cost = [](const NodeShape& s) {
      return static_cast<double>(s.in[1].size()) * static_cast<double>(s.in[0][1]);
    };
    d.samples = {{{Shape{5, 3}, Shape{35}}, GroupsAttributes{{4, 1, 2}}},
                 {{Shape{21, 2}, Shape{21 * 565}}, GroupsAttributes{{3, 300, 100, 150, 12}}},
                 {{Shape{4500, 1}, Shape{9000}}, GroupsAttributes{{1, 1}}}};
    d.wrong = {
        {{Shape{5, 3}}, GroupsAttributes{{7}}, "expected a matrix and an adjoint of groups"},
        {{Shape{5, 3}, Shape{36}}, GroupsAttributes{{4, 3}}, "expected groups of 5 rows and 7 columns"},
        {{Shape{5, 3}, Shape{35}}, GroupsAttributes{{0}}, "expected the widths of the groups"}};
    return d;
  }());
  return op;
}

Var reverse(Var adjoint, Var w, const Attributes& a) {
  const Var in[] = {adjoint, w};
  return w.graph().record(reverse_op(), in, a, here());
}

Var weights(Var x, Var adjoint, const Attributes& a) {
  const Var in[] = {x, adjoint};
  return x.graph().record(weights_op(), in, a, here());
}

}  // namespace

void register_linear_groups_ops() {
  groups_op();
  reverse_op();
  weights_op();
}

Var linear_groups(Var x, Var w, Var b, std::span<const Index> widths, Location at) {
  const Var in[] = {x, w, b};
  return x.graph().record(groups_op(), in, GroupsAttributes{{widths.begin(), widths.end()}}, at);
}

}  // namespace autodiff
