#include "autodiff/transform/differentiate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/all_ops.hpp"
#include "autodiff/ops/batch_norm.hpp"
#include "autodiff/ops/conv.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/testing/gradcheck.hpp"

using namespace autodiff;

namespace {
std::vector<double> evaluate(std::span<const Var> inputs, Var y,
                             const std::vector<std::vector<double>>& values) {
  std::vector<const double*> in;
  for (const auto& v : values) in.push_back(v.data());
  std::vector<double> out(static_cast<std::size_t>(y.shape().size()));
  double* o = out.data();
  Arena arena;
  Plan<double>(inputs, std::span(&y, 1)).run(in, std::span(&o, 1), arena, Parallel(1));
  return out;
}

std::vector<double> wave(Index n) {
  std::vector<double> v;
  for (Index i = 0; i < n; ++i) v.push_back(std::sin(1.7 * static_cast<double>(i) + 0.3));
  return v;
}
}  // namespace

TEST_CASE("the gradient of x^3 is 3 x^2, its second derivative 6 x") {
  Graph g;
  const Var x = g.input(Shape{}, "x");
  const Var first = gradient(x * x * x, std::span(&x, 1))[0], second = gradient(first, std::span(&x, 1))[0];
  CHECK(evaluate(std::span(&x, 1), first, {{2.0}})[0] == doctest::Approx(12));
  CHECK(evaluate(std::span(&x, 1), second, {{2.0}})[0] == doctest::Approx(12));
}

TEST_CASE("contributions of several uses add up, and what an output does not depend on gets zeros") {
  Graph g;
  const Var in[] = {g.input(Shape{2}, "x"), g.input(Shape{3}, "unused")};
  const Var y = sum_all(in[0] * in[0] + in[0]);
  const auto d = gradient(y, in);
  CHECK(evaluate(in, d[0], {{1, 2}, {0, 0, 0}}) == std::vector<double>{3, 5});
  CHECK(evaluate(in, d[1], {{1, 2}, {0, 0, 0}}) == std::vector<double>{0, 0, 0});
}

TEST_CASE("adjoints of several outputs are given by the caller") {
  Graph g;
  const Var x = g.input(Shape{2}, "x");
  const Var outputs[] = {square(x), x * 3.0}, adjoints[] = {g.constant(Shape{2}, {1, 10}), Var()};
  CHECK(evaluate(std::span(&x, 1), differentiate(outputs, adjoints, std::span(&x, 1))[0], {{1, 2}}) ==
        std::vector<double>{5, 43});
  const Var wrong[] = {g.constant(Shape{3}, {1, 1, 1}), Var()};
  CHECK_THROWS_AS(differentiate(outputs, wrong, std::span(&x, 1)), std::invalid_argument);
}

TEST_CASE("slices that were cut from one value give its adjoint as one concat, without padding") {
  Graph g;
  const Var x = g.input(Shape{4, 9}, "x");
  const Var y = sum_all(square(slice(x, 1, 0, 4))) + sum_all(exp(slice(x, 1, 6, 9)));
  const Var d = gradient(y, std::span(&x, 1))[0];
  CHECK(g.node(d).op->name == "concat");
  const auto values = wave(36), result = evaluate(std::span(&x, 1), d, {values});
  for (std::size_t i = 0; i < 36; ++i)
    CHECK(result[i] == doctest::Approx(i % 9 < 4 ? 2 * values[i] : i % 9 < 6 ? 0 : std::exp(values[i])));
}

TEST_CASE("a slice's adjoint adds up with those of other ops, in whichever order they are recorded") {
  for (const bool slice_first : {false, true}) {
    Graph g;
    const Var x = g.input(Shape{4}, "x");
    const auto squares = [&] { return sum_all(square(x)); };
    const auto part = [&] { return sum_all(slice(x, 0, 0, 2)); };
    Var y;
    if (slice_first) {
      const Var first = part();
      y = first + squares();
    } else {
      const Var first = squares();
      y = first + part();
    }
    const Var d = gradient(y, std::span(&x, 1))[0];
    CHECK(evaluate(std::span(&x, 1), d, {{1, 2, 3, 4}}) == std::vector<double>{3, 5, 6, 8});
  }
}

TEST_CASE("slices that overlap add up") {
  const Shape shape{5};
  const auto f = [](std::span<const Var> in) {
    return slice(in[0], 0, 0, 3) * slice(in[0], 0, 1, 4) * slice(in[0], 0, 2, 5);
  };
  const std::vector<double> x = wave(5);
  CHECK(gradcheck(f, std::span(&shape, 1), std::span(&x, 1)) < 1e-8);
}

TEST_CASE("a block of conv, batch norm and softplus with a residual is differentiated through, twice") {
  const std::vector<Shape> shapes{Shape{4, 5, 3}, Shape{3, 3, 3}, Shape{3}, Shape{3}};
  std::vector<std::vector<double>> values;
  for (const Shape& s : shapes) values.push_back(wave(s.size()));
  const auto f = [](std::span<const Var> in) {
    return in[0] + softplus(batch_norm(
                       conv(softplus(batch_norm(conv(in[0], in[1], in[2], 1), in[3], 1e-3)), in[1], in[2], 0),
                       in[3], 1e-3));
  };
  CHECK(gradcheck(f, shapes, values) < 1e-8);
  CHECK(gradcheck_second(f, shapes, values) < 1e-6);
}

TEST_CASE("an op of the user's own, given only by its meaning, is differentiated and run") {
  OpDef op;
  op.name = "test_cube";
  op.doc = "x^3";
  op.infer = [](std::span<const Shape> in, const Attributes&) {
    if (in.size() != 1) throw std::invalid_argument("expected one operand");
    return in[0];
  };
  op.spec = [](std::span<const Var> in, const Attributes&) { return in[0] * in[0] * in[0]; };
  op.samples = {{{Shape{3}}, {}}, {{Shape{70001}}, {}}};
  op.wrong = {{{Shape{2}, Shape{2}}, {}, "expected one operand"}};
  const OpDef& cube = find_op("test_cube") ? *find_op("test_cube") : register_op(op);
  Graph g;
  const Var x = g.input(Shape{2}, "x");
  const Var y = g.record(cube, std::span(&x, 1), {}, here());
  CHECK(evaluate(std::span(&x, 1), y, {{2, 3}}) == std::vector<double>{8, 27});
  CHECK(evaluate(std::span(&x, 1), gradient(sum_all(y), std::span(&x, 1))[0], {{2, 3}}) ==
        std::vector<double>{12, 27});
}

TEST_CASE("elu's slope is 1 at any large number, also in float, where y + 1 - y is not") {
  Graph g;
  const Var x = g.input(Shape{5}, "x"), d = gradient(sum_all(elu(x)), std::span(&x, 1))[0];
  const std::vector<float> values{1000.3f, 1e6f + 0.3f, 3e7f, 1e20f, -1.0f};
  std::vector<float> slope(5);
  const float* in = values.data();
  float* out = slope.data();
  Arena arena;
  Plan<float>(std::span(&x, 1), std::span(&d, 1))
      .run(std::span(&in, 1), std::span(&out, 1), arena, Parallel(1));
  for (std::size_t i = 0; i < 4; ++i) CHECK(slope[i] == 1);
  CHECK(slope[4] == doctest::Approx(std::exp(-1.0)));
}

TEST_CASE(
    "the reverse of a node reports that node's line and scope, also where a meaning was differentiated") {
  Graph g;
  const Var x = g.input(Shape{3}, "x");
  Var y;
  int line = 0;
  {
    const Scope a(g, "a");
    const Scope b(g, "b");
    line = __LINE__ + 1;
    y = swish(swish(x));
  }
  const Var last = sum_all(y);
  const auto first = static_cast<NodeId>(g.size());
  {
    const Scope elsewhere(g, "elsewhere");
    gradient(last, std::span(&x, 1));
  }
  int of_swish = 0;
  const std::string here_and_there =
      "recorded at " + std::string(__FILE__) + ":" + std::to_string(line) + " in scope a/b";
  for (NodeId id = first; id < g.size(); ++id) {
    const std::string scope = g.scope_name(g.node(id).scope);
    if (scope.empty() || scope == "elsewhere") continue;  // of the seed, and of sum_all
    CHECK(g.where(id) == here_and_there);
    ++of_swish;
  }
  CHECK(of_swish > 6);
}

TEST_CASE("Vars of two graphs and empty Vars are refused, also as what to differentiate by") {
  Graph g, h;
  const Var x = g.input(Shape{}, "x"), y = square(x), z = h.input(Shape{}, "z"), none;
  CHECK_THROWS_WITH_AS(gradient(y, std::span(&z, 1)), doctest::Contains("another graph"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(differentiate(std::span(&y, 1), std::span(&z, 1), std::span(&x, 1)),
                       doctest::Contains("another graph"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(gradient(none, std::span(&x, 1)), doctest::Contains("empty"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(gradient(y, std::span(&none, 1)), doctest::Contains("empty"), std::invalid_argument);
}

TEST_CASE("a vjp that gives fewer adjoints than there are inputs is reported by its op") {
  all_ops();
  OpDef op = *find_op("mul");
  op.name = "test_half_mul";
  op.vjp = [](const VjpInput& v, const Attributes&) { return std::vector<Var>{v.adjoint * v.in[1]}; };
  Graph g;
  const Var in[] = {g.input(Shape{}, "x"), g.input(Shape{}, "y")};
  CHECK_THROWS_WITH_AS(gradient(g.record(op, in, {}, here()), in),
                       doctest::Contains("[test_half_mul] its vjp returned 1 adjoints for 2 inputs"),
                       std::logic_error);
}
