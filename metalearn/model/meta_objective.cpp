#include "metalearn/model/meta_objective.hpp"

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/linear_algebra.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"

namespace metalearn {

using namespace autodiff;

Objective meta_objective(const Phi& phi, Var x, Var targets, Activation act, double penalty) {
  Graph& graph = x.graph();
  const Scope scope(graph, "objective");
  const Index n = targets.shape()[1], columns = targets.shape()[2];
  const Var top = forward(phi, x, act).x.back();
  const Index N = top.shape()[0];
  Objective o;
  o.features_a = slice(top, 1, 0, n);
  o.features_b = slice(top, 1, n, 2 * n);
  const auto part = [&](Index i) { return reshape(slice(targets, 0, i, i + 1), Shape{n, columns}); };
  const Var ya = part(0), yb = part(1);

  // The ridge does not penalise the constant column (the last).
  const Var with_ones[] = {o.features_a, broadcast_to(graph.scalar(1), Shape{1, n})};
  const Var A = concat(with_ones, 0);  // transposed: [N+1, n]
  std::vector<double> diagonal(static_cast<std::size_t>((N + 1) * (N + 1)), 0.0);
  for (Index i = 0; i < N; ++i) diagonal[static_cast<std::size_t>(i * (N + 2))] = penalty;
  const Var R = graph.constant(Shape{N + 1, N + 1}, std::move(diagonal));
  o.v = spd_solve(matmul(A, A, Transposed::no, Transposed::yes) + R, matmul(A, ya));
  const Var weights = slice(o.v, 0, 0, N);

  const Var p = matmul(o.features_b, weights, Transposed::yes) + slice(o.v, 0, N, N + 1);
  o.predictions = p * rsqrt(sum(square(p), {1}));
  o.mse = sum_all(square(o.predictions - yb)) / static_cast<double>(n);
  o.penalty = sum_all(square(weights)) * (penalty / static_cast<double>(n));
  o.J = o.mse + o.penalty;
  return o;
}

}  // namespace metalearn
