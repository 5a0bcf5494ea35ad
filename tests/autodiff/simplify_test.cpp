#include "autodiff/transform/simplify.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/batch_norm.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/plan/plan.hpp"

using namespace autodiff;

namespace {
// The number of nodes that compute, after simplification.
int computing(std::span<const Var> inputs, std::span<const Var> outputs, Graph& target) {
  simplify(inputs, outputs, target);
  int n = 0;
  for (NodeId id = 0; id < target.size(); ++id) n += !target.is_input(id) && !target.is_constant(id);
  return n;
}

double at_one(Var x, Var y) {
  const double one = 1;
  const double* in = &one;
  double result = 0, *out = &result;
  Arena arena;
  Plan<double>(std::span(&x, 1), std::span(&y, 1))
      .run(std::span(&in, 1), std::span(&out, 1), arena, Parallel(1));
  return result;
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
  const Rewritten s = simplify(std::span(&x, 1), std::span(&y, 1), target);
  CHECK(s.outputs[0].id() == s.inputs[0].id());
}

TEST_CASE("what depends on constants only is computed once, in double") {
  Graph g, target;
  const Var x = g.input(Shape{2}, "x");
  const Var y = x * exp(g.constant(Shape{2}, {0, 1}) + 1.0);
  CHECK(computing(std::span(&x, 1), std::span(&y, 1), target) == 1);
  bool found = false;
  for (NodeId id = 0; id < target.size(); ++id)
    if (target.is_constant(id) && target.constant_values(id).size() == 2)
      found = found || target.constant_values(id)[1] == doctest::Approx(7.38905609893065).epsilon(1e-15);
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
  const Rewritten s = simplify(in, std::span(&y, 1), target);
  CHECK(s.outputs[0].id() == s.inputs[1].id());
}

TEST_CASE("an input that is used but not listed is refused by name") {
  Graph g, target;
  const Var x = g.input(Shape{2}, "forgotten"), y = exp(x);
  CHECK_THROWS_WITH_AS(simplify({}, std::span(&y, 1), target), doctest::Contains("forgotten"),
                       std::invalid_argument);
}

TEST_CASE(
    "constants and attributes are told apart by their bits: NaN from any number, zero from minus zero") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Graph g;
  const Var x = g.input(Shape{}, "x");
  CHECK(std::isnan(at_one(x, x * g.scalar(5) + g.scalar(nan))));
  CHECK(std::isnan(at_one(x, x * g.scalar(5) + log(g.scalar(-1)))));
  CHECK(std::isnan(at_one(x, affine(x, 2, 0) + affine(x, nan, 0))));
  CHECK(at_one(x, x / g.scalar(0.0) - x / g.scalar(-0.0)) == std::numeric_limits<double>::infinity());
  CHECK(std::signbit(at_one(x, -(x - 1.0))));
}

TEST_CASE("an empty Var and Vars of two graphs are refused") {
  Graph g, h, target;
  const Var x = g.input(Shape{2}, "x"), y = exp(x), stranger = exp(h.input(Shape{2}, "z"));
  const Var both[] = {y, stranger}, with_empty[] = {y, Var()};
  CHECK_THROWS_WITH_AS(simplify(std::span(&x, 1), both, target),
                       doctest::Contains("an output belongs to another graph"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(simplify(both, std::span(&y, 1), target), doctest::Contains("another graph"),
                       std::invalid_argument);
  CHECK_THROWS_AS(simplify(std::span(&x, 1), with_empty, target), std::invalid_argument);
}

TEST_CASE("the parts of a meaning, and the constants in it, report the user's line and scope") {
  OpDef op;
  op.name = "test_plus_two";
  op.infer = [](std::span<const Shape> in, const Attributes&) { return in[0]; };
  op.spec = [](std::span<const Var> in, const Attributes&) { return in[0] + in[0].graph().scalar(2); };
  Graph g, target;
  const Var x = g.input(Shape{4, 3}, "x"), offset = g.input(Shape{3}, "offset");
  const Scope outer(g, "outer");
  const Scope inner(g, "inner");
  const int line = __LINE__ + 1;
  const Var z = swish(batch_norm(x, offset, 1e-3)), y = g.record(op, std::span(&z, 1), {}, here());
  const Var in[] = {x, offset};
  simplify(in, std::span(&y, 1), target);
  bool constant = false;
  for (NodeId id = 2; id < target.size(); ++id) constant = constant || target.is_constant(id);
  CHECK(constant);
  for (NodeId id = 2; id < target.size(); ++id)
    CHECK(target.where(id) ==
          "recorded at " + std::string(__FILE__) + ":" + std::to_string(line) + " in scope outer/inner");
}
