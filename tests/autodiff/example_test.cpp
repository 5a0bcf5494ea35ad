// The example of autodiff/README.md, which quotes this file.
#include <doctest/doctest.h>

#include <cmath>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/transform/differentiate.hpp"

using namespace autodiff;

TEST_CASE("the page's example gives a value and its gradient") {
  Graph g;
  const Var w = g.input(Shape{3}, "w"), x = g.input(Shape{3}, "x");
  const Var loss = sum_all(square(tanh(w * x)));       // record
  const Var dw = gradient(loss, std::span(&w, 1))[0];  // differentiate: more nodes of the same graph
  const Var inputs[] = {w, x}, outputs[] = {loss, dw};
  const Plan<double> plan(inputs, outputs);  // compile

  const double at_w[] = {1, 2, 3}, at_x[] = {0.5, -0.5, 0.25};
  const double* in[] = {at_w, at_x};
  double value = 0, slope[3];
  double* out[] = {&value, slope};
  Arena arena;
  plan.run(in, out, arena, Parallel(1));  // replay, as often as wanted

  double expected = 0;
  for (int i = 0; i < 3; ++i) {
    const double t = std::tanh(at_w[i] * at_x[i]);
    expected += t * t;
    CHECK(slope[i] == doctest::Approx(2 * t * (1 - t * t) * at_x[i]).epsilon(1e-12));
  }
  CHECK(value == doctest::Approx(expected).epsilon(1e-12));
}
