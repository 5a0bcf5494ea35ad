#include "autodiff/ops/linear_algebra.hpp"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/matmul.hpp"

namespace autodiff {

namespace {

// l l^T = (a + a^T) / 2, lower triangle of l [n, n]. The square root of a negative pivot gives NaN, which is
// the documented result.
template <class T>
void cholesky(Index n, const T* a, T* l) {
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j <= i; ++j) {
      T s = T(0.5) * (a[i * n + j] + a[j * n + i]);
      for (Index k = 0; k < j; ++k) s -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = i == j ? std::sqrt(s) : s / l[j * n + j];
    }
}

template <class T>
void substitute(Index n, Index m, const T* l, T* x) {
  const auto eliminate = [&](Index i, Index k, T factor) {
    for (Index c = 0; c < m; ++c) x[i * m + c] -= factor * x[k * m + c];
  };
  const auto divide = [&](Index i) {
    for (Index c = 0; c < m; ++c) x[i * m + c] /= l[i * n + i];
  };
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < i; ++k) eliminate(i, k, l[i * n + k]);
    divide(i);
  }
  for (Index i = n - 1; i >= 0; --i) {
    for (Index k = i + 1; k < n; ++k) eliminate(i, k, l[k * n + i]);
    divide(i);
  }
}

}  // namespace

const OpDef& spd_solve_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "spd_solve";
    d.doc = "X = ((A + A^T) / 2)^-1 B for positive definite A, by Cholesky";
    d.infer = [](std::span<const Shape> in, const Attributes&) {
      if (in.size() != 2 || in[0].rank() != 2 || in[1].rank() != 2)
        throw std::invalid_argument("expected two matrices");
      if (in[0][0] != in[0][1]) throw std::invalid_argument("A is not square");
      if (in[0][0] != in[1][0])
        throw std::invalid_argument(fmt::format("sizes differ: A has {} rows, B {}", in[0][0], in[1][0]));
      return in[1];
    };
    d.set_kernel([]<class T>(const NodeShape& s) {
      const Index n = s.in[1][0], m = s.in[1][1];
      Kernel<T> kernel;
      kernel.scratch = n * n;
      kernel.run = [=](const KernelArguments<T>& k) {
        cholesky(n, k.in[0], k.scratch);
        std::copy_n(k.in[1], n * m, k.out);
        substitute(n, m, k.scratch, k.out);
      };
      return kernel;
    });
    // With S = (A + A^T)/2:  dB = S^-1 g,  dS = -dB X^T,  dA = (dS + dS^T) / 2.
    d.vjp = [](const VjpInput& v, const Attributes&) {
      const Var db = spd_solve(v.in[0], v.adjoint);
      if (!v.wanted[0]) return std::vector<Var>{Var(), db};
      const Var ds = matmul(db, v.out, Transposed::no, Transposed::yes);
      return std::vector<Var>{affine(ds + transpose(ds), -0.5, 0), db};
    };
    d.cost = [](const NodeShape& s) {
      const double n = static_cast<double>(s.in[0][0]), m = static_cast<double>(s.in[1][1]);
      return n * n * n / 6 + n * n * m;
    };
    d.serial = true;
    for (auto [n, m] : {std::pair<Index, Index>{4, 3}, {1, 2}, {33, 5}}) {
      Sample sample;
      sample.in = {Shape{n, n}, Shape{n, m}};
      sample.raise_diagonal = static_cast<double>(n);  // makes A definite
      d.samples.push_back(sample);
    }
    d.wrong = {{{Shape{4, 4}}, {}, "expected two matrices"},
               {{Shape{4, 4}, Shape{4}}, {}, "expected two matrices"},
               {{Shape{4, 3}, Shape{4, 2}}, {}, "A is not square"},
               {{Shape{4, 4}, Shape{3, 2}}, {}, "sizes differ: A has 4 rows, B 3"}};
    return d;
  }());
  return op;
}

void register_linear_algebra_ops() { spd_solve_op(); }

Var spd_solve(Var a, Var b, Location at) {
  const Var in[] = {a, b};
  return a.graph().record(spd_solve_op(), in, {}, at);
}

}  // namespace autodiff
