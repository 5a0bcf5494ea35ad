#include "autodiff/ops/matmul.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "autodiff/graph/op.hpp"
#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/loops/tiles.hpp"

namespace autodiff {

namespace {

struct MatmulAttributes {  // which operands are transposed
  Transposed first = Transposed::no, second = Transposed::no;
};

struct Sizes {
  Index Z, M, N, K;
  bool ta, tb;
};

Sizes sizes(std::span<const Shape> in, const Attributes& attributes) {
  const auto& a = attributes.as<MatmulAttributes>();
  const bool ta = a.first == Transposed::yes, tb = a.second == Transposed::yes;
  const int r = in[0].rank();
  return {r == 3 ? in[0][0] : 1,
          in[0][ta ? r - 1 : r - 2],
          in[1][tb ? r - 2 : r - 1],
          in[0][ta ? r - 2 : r - 1],
          ta,
          tb};
}

Shape infer(std::span<const Shape> in, const Attributes& attributes) {
  if (in.size() != 2 || in[0].rank() != in[1].rank() || in[0].rank() < 2 || in[0].rank() > 3)
    throw std::invalid_argument("expected two matrices or two batches of matrices");
  const int r = in[0].rank();
  if (r == 3 && in[0][0] != in[1][0])
    throw std::invalid_argument(fmt::format("batch sizes differ: {} against {}", in[0][0], in[1][0]));
  const Sizes s = sizes(in, attributes);
  const Index k = in[1][s.tb ? r - 1 : r - 2];
  if (k != s.K) throw std::invalid_argument(fmt::format("inner sizes differ: {} against {}", s.K, k));
  return r == 3 ? Shape{s.Z, s.M, s.N} : Shape{s.M, s.N};
}

// The part of b [K, N] that one product reads, copied to panels (kernels::Product) if its layout is
// unfavourable: transposed, or with distant rows that many blocks of rows share.
template <class T>
void copy_panel(const kernels::Kernels<T>& table, bool transposed, Index K, Index columns, const T* b,
                Index ldb, T* panel) {
  if (transposed) return table.transpose(columns, K, b, ldb, panel, columns);
  for (Index k = 0; k < K; ++k) std::copy_n(b + k * ldb, columns, panel + k * columns);
}

// A tile is a block of rows and columns of one matrix; if the matrix is small and the sum long, the sum is
// divided instead and its parts combine in a tree.
template <class T>
Kernel<T> matmul_kernel(const NodeShape& shape) {
  const Sizes s = sizes(shape.in, *shape.attributes);
  constexpr Index kRowBlock = 128, kColumnBlock = 512, kLongSum = 4096, kSumChunk = 2048, kManyRows = 512,
                  kFarApart = 256;
  const bool split = s.K >= kLongSum && s.M * s.N <= 128 * 128,
             panels = s.tb || (s.M >= kManyRows && s.N >= kFarApart);
  const Index chunk_sum = split ? kSumChunk : s.K, chunks = tile_count(s.K, chunk_sum);
  const Index rows =
                  split ? s.M : std::max(kRowBlock, kTileElements * 8 / (s.N * s.K) / kRowBlock * kRowBlock),
              row_blocks = tile_count(s.M, rows);
  const Index columns = split ? s.N : kColumnBlock, column_blocks = tile_count(s.N, columns),
              panel_count = tile_count(s.N, kernels::kPanel);
  const Index b_size = s.K * s.N, c_size = s.M * s.N, packed = panels ? s.Z * b_size : 0;
  const auto& table = kernels::active<T>();
  const auto add_into = [](Index n, T* a, const T* b) {
    for (Index i = 0; i < n; ++i) a[i] += b[i];
  };
  kernels::Product<T> whole{.M = s.M,
                            .N = s.N,
                            .K = s.K,
                            .a_row = s.ta ? 1 : s.K,
                            .a_col = s.ta ? s.M : 1,
                            .ldb = s.N,
                            .panels = panels,
                            .ldc = s.N};
  if (s.Z * chunks * row_blocks * column_blocks == 1 &&
      (s.tb ? panel_count == 1 : !panels))  // nothing to divide: there are many small products
    return {[=, &table](const KernelArguments<T>& k) {
              if (s.tb) table.transpose(s.N, s.K, k.in[1], s.K, k.scratch, s.N);
              const T* const b = s.tb ? k.scratch : k.in[1];
              kernels::Product<T> p = whole;
              p.a = k.in;
              p.b = &b;
              p.c = k.out;
              table.product(p);
            },
            packed};
  Kernel<T> kernel;
  kernel.scratch = packed + (split ? s.Z * chunks * c_size : 0);
  kernel.run = [=, &table](const KernelArguments<T>& k) {
    if (panels)
      for_tiles(*k.parallel, s.Z * chunks * panel_count, [&](Index tile) {
        const Index z = tile / (chunks * panel_count), first = tile / panel_count % chunks * chunk_sum,
                    n = tile % panel_count * kernels::kPanel;
        const Index sum = std::min(chunk_sum, s.K - first);
        copy_panel(table, s.tb, sum, std::min(kernels::kPanel, s.N - n),
                   k.in[1] + z * b_size + (s.tb ? n * s.K + first : first * s.N + n), s.tb ? s.K : s.N,
                   k.scratch + z * b_size + first * s.N + n * sum);
      });
    const T* b = panels ? k.scratch : k.in[1];
    T* partial = split ? k.scratch + packed : k.out;
    for_tiles(*k.parallel, s.Z * row_blocks * column_blocks * chunks, [&](Index tile) {
      const Index chunk = tile % chunks, n = tile / chunks % column_blocks * columns;
      const Index m = tile / (chunks * column_blocks) % row_blocks * rows,
                  z = tile / (chunks * column_blocks * row_blocks);
      const Index first = chunk * chunk_sum, sum = std::min(chunk_sum, s.K - first);
      const T* a_tile = k.in[0] + z * s.M * s.K + (s.ta ? m + first * s.M : m * s.K + first);
      const T* b_tile = b + z * b_size + first * s.N + (panels ? n * sum : n);
      kernels::Product<T> p = whole;
      p.M = std::min(rows, s.M - m);
      p.N = std::min(columns, s.N - n);
      p.K = sum;
      p.a = &a_tile;
      p.b = &b_tile;
      p.c = partial + (z * chunks + chunk) * c_size + m * s.N + n;
      table.product(p);
    });
    if (split)
      for (Index z = 0; z < s.Z; ++z) {
        T* parts = partial + z * chunks * c_size;
        combine_tree(chunks, c_size, parts, add_into);
        std::copy_n(parts, c_size, k.out + z * c_size);
      }
  };
  return kernel;
}

}  // namespace

const OpDef& matmul_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "matmul";
    d.doc = "Matrix product, also of transposed operands and batched over a leading axis";
    d.attributes = typeid(MatmulAttributes);
    d.infer = infer;
    d.set_kernel([]<class T>(const NodeShape& s) { return matmul_kernel<T>(s); });
    d.vjp = [](const VjpInput& v, const Attributes& a) {
      const Var x = v.in[0], y = v.in[1], g = v.adjoint;
      const auto& of = a.as<MatmulAttributes>();
      const bool ta = of.first == Transposed::yes, tb = of.second == Transposed::yes;
      const auto t = [](bool flag) { return flag ? Transposed::yes : Transposed::no; };
      // z = op(x) op(y):  d op(x) = g op(y)^T,  d op(y) = op(x)^T g; an operand given transposed has the
      // transposed adjoint.
      return std::vector<Var>{!v.wanted[0] ? Var()
                              : ta         ? matmul(y, g, t(tb), t(true))
                                           : matmul(g, y, t(false), t(!tb)),
                              !v.wanted[1] ? Var()
                              : tb         ? matmul(g, x, t(true), t(ta))
                                           : matmul(x, g, t(!ta), t(false))};
    };
    d.cost = [](const NodeShape& s) {
      const Sizes z = sizes(s.in, *s.attributes);
      return static_cast<double>(z.Z * z.M * z.N) * static_cast<double>(z.K);
    };
    using enum Transposed;
    for (auto [ta, first] : {std::pair{false, no}, {true, yes}})
      for (auto [tb, second] : {std::pair{false, no}, {true, yes}}) {
        d.samples.push_back({{ta ? Shape{5, 3} : Shape{3, 5}, tb ? Shape{4, 5} : Shape{5, 4}},
                             MatmulAttributes{first, second}});
        d.samples.push_back({{ta ? Shape{2, 5, 3} : Shape{2, 3, 5}, tb ? Shape{2, 4, 5} : Shape{2, 5, 4}},
                             MatmulAttributes{first, second}});
      }
    d.samples.push_back({{Shape{4100, 3}, Shape{4100, 2}}, MatmulAttributes{yes, no}});
    d.samples.push_back({{Shape{700, 33}, Shape{33, 65}}, MatmulAttributes{no, no}});
    d.wrong = {
        {{Shape{3, 5}}, MatmulAttributes{no, no}, "expected two matrices"},
        {{Shape{5}, Shape{5}}, MatmulAttributes{no, no}, "expected two matrices"},
        {{Shape{3, 5}, Shape{4, 6}}, MatmulAttributes{no, no}, "inner sizes differ: 5 against 4"},
        {{Shape{5, 3}, Shape{4, 6}}, MatmulAttributes{yes, yes}, "inner sizes differ: 5 against 6"},
        {{Shape{2, 3, 5}, Shape{3, 5, 4}}, MatmulAttributes{no, no}, "batch sizes differ: 2 against 3"}};
    return d;
  }());
  return op;
}

void register_matmul_ops() { matmul_op(); }

Var matmul(Var a, Var b, Transposed ta, Transposed tb, Location at) {
  const Var in[] = {a, b};
  return a.graph().record(matmul_op(), in, MatmulAttributes{ta, tb}, at);
}

Var linear(Var x, Var w, Location at) {
  const int last = x.shape().rank() - 1;
  const Var flat = reshape(x, Shape{x.shape().size(0, last), x.shape()[last]}, at);
  return reshape(matmul(flat, w, Transposed::no, Transposed::no, at),
                 x.shape().with(last, w.shape()[w.shape().rank() - 1]), at);
}

}  // namespace autodiff
