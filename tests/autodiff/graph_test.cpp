#include "autodiff/graph/graph.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"

using namespace autodiff;

TEST_CASE("a shape knows its size and refuses empty extents and too many axes") {
  const Shape s{2, 3, 4};
  CHECK(s.size() == 24);
  CHECK(s.size(1, 3) == 12);
  CHECK(Shape{}.size() == 1);
  CHECK(s.with(1, 7) == Shape{2, 7, 4});
  CHECK(s.to_string() == "[2, 3, 4]");
  CHECK_THROWS_AS((Shape{2, 0}), std::invalid_argument);
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1}), std::invalid_argument);
}

TEST_CASE("inputs of a node come before it, so index order is a topological order") {
  Graph g;
  const Var x = g.input(Shape{2, 2}, "x");
  const Var y = tanh(matmul(x, x) + 1.0) * x;
  for (NodeId id = 0; id < g.size(); ++id)
    for (NodeId i : g.node(id).inputs) CHECK(i < id);
  CHECK(y.shape() == Shape{2, 2});
  CHECK(g.input_name(x.id()) == "x");
}

TEST_CASE("operators record the line on which the user wrote them, and the scope") {
  Graph g;
  const Var x = g.input(Shape{2}, "x");
  const Scope outer(g, "outer");
  const Scope inner(g, "inner");
  const int line = __LINE__ + 1;
  const Var y = x + x;
  CHECK(g.node(y).location.line == line);
  CHECK(g.where(y.id()).find("graph_test.cpp:" + std::to_string(line) + " in scope outer/inner") !=
        std::string::npos);
}

TEST_CASE("a matrix product of wrong sizes names the op, both sizes and the place") {
  Graph g;
  const Var a = g.input(Shape{2, 3}, "a"), b = g.input(Shape{4, 5}, "b");
  CHECK_THROWS_WITH_AS(
      matmul(a, b),
      doctest::Contains("[matmul] inner sizes differ: 3 against 4; shapes [2, 3] [4, 5], recorded at "),
      std::invalid_argument);
}

TEST_CASE("Vars of two graphs don't mix, and a constant needs as many values as its shape") {
  Graph g, h;
  const Var x = g.input(Shape{2}, "x"), y = h.input(Shape{2}, "y");
  CHECK_THROWS_WITH_AS(add(x, y), doctest::Contains("another graph"), std::invalid_argument);
  CHECK_THROWS_AS(g.constant(Shape{3}, {1, 2}), std::invalid_argument);
}

TEST_CASE("an empty Var has no graph and no shape, and ops refuse it") {
  const Var none;
  CHECK_THROWS_WITH_AS(none.graph(), doctest::Contains("empty"), std::invalid_argument);
  CHECK_THROWS_AS(none.shape(), std::invalid_argument);
  CHECK_THROWS_AS(exp(none), std::invalid_argument);
  CHECK_THROWS_AS(affine(none, 1, 1), std::invalid_argument);
}

TEST_CASE("axes to sum or average over are within the rank and named once") {
  Graph g;
  const Var x = g.input(Shape{2, 3}, "x");
  CHECK(mean(x, {1, 0}).shape() == Shape{1, 1});
  CHECK_THROWS_WITH_AS(mean(x, {1, 1}), doctest::Contains("axis 1 is named twice"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(mean(x, {-1}), doctest::Contains("axis -1 is not within"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(sum(x, {0, 2}), doctest::Contains("graph_test.cpp:"), std::invalid_argument);
}
