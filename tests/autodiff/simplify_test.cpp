#include "autodiff/transform/simplify.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/batch_norm.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/reduce.hpp"

using namespace autodiff;

namespace {
// The number of nodes that compute, after simplification.
int computing(std::span<const Var> inputs, std::span<const Var> outputs, Graph& target) {
  simplify(inputs, outputs, target);
  int n = 0;
  for (NodeId id = 0; id < target.size(); ++id) n += !target.is_input(id) && !target.is_constant(id);
  return n;
}
}  // namespace

TEST_CASE("equal nodes are recorded once, and what no output needs is left out") {
  Graph g, target;
  const Var x = g.input(Shape{3}, "x");
  const Var y = exp(x) * exp(x);
  tanh(y);
  CHECK(computing(std::span(&x, 1), std::span(&y, 1), target) == 2);
}

TEST_CASE("additions of zero, products with one and reshapes of reshapes vanish") {
  Graph g, target;
  const Var x = g.input(Shape{2, 3}, "x");
  Var y = x + broadcast_to(g.scalar(0), Shape{2, 3});
  y = y * broadcast_to(g.scalar(1), Shape{2, 3}) - g.scalar(0);
  y = affine(reshape(reshape(y, Shape{6}), Shape{2, 3}), 1, 0);
  const Simplified s = simplify(std::span(&x, 1), std::span(&y, 1), target);
  CHECK(s.outputs[0].id() == s.inputs[0].id());
}

TEST_CASE("what depends on constants only is computed once, in double") {
  Graph g, target;
  const Var x = g.input(Shape{2}, "x");
  const Var y = x * exp(g.constant(Shape{2}, {0, 1}) + 1.0);
  CHECK(computing(std::span(&x, 1), std::span(&y, 1), target) == 1);
  bool found = false;
  for (NodeId id = 0; id < target.size(); ++id)
    if (target.is_constant(id) && target.constant_values(id).size() == 2) found = found || target.constant_values(id)[1] == doctest::Approx(7.38905609893065).epsilon(1e-15);
  CHECK(found);
}

TEST_CASE("an op without kernel is replaced by its meaning, whose parts are shared") {
  Graph g, target;
  const Var x = g.input(Shape{4, 3}, "x"), offset = g.constant(Shape{3}, {1, 2, 3});
  const Var outputs[] = {batch_norm(x, offset, 1e-3), moments(x)};
  CHECK(computing(std::span(&x, 1), outputs, target) == 2);  // moments, normalise
}

TEST_CASE("a slice of a concat that cuts out one operand is that operand") {
  Graph g, target;
  const Var in[] = {g.input(Shape{2, 3}, "a"), g.input(Shape{2, 4}, "b")};
  const Var y = slice(concat(in, 1), 1, 3, 7);
  const Simplified s = simplify(in, std::span(&y, 1), target);
  CHECK(s.outputs[0].id() == s.inputs[1].id());
}

TEST_CASE("an input that is used but not listed is refused by name") {
  Graph g, target;
  const Var x = g.input(Shape{2}, "forgotten"), y = exp(x);
  CHECK_THROWS_WITH_AS(simplify({}, std::span(&y, 1), target), doctest::Contains("forgotten"), std::invalid_argument);
}
