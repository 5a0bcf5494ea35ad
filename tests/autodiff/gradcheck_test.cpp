#include "autodiff/testing/gradcheck.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/elementwise.hpp"

using namespace autodiff;

TEST_CASE("a wrong reverse is found") {
  OpDef op;
  op.name = "test_wrong_square";
  op.infer = [](std::span<const Shape> in, const Attributes&) { return in[0]; };
  op.spec = [](std::span<const Var> in, const Attributes&) { return in[0] * in[0]; };
  op.vjp = [](const VjpInput& v, const Attributes&) {
    return std::vector<Var>{v.adjoint * v.in[0]};
  };  // half of what it should be
  const auto f = [&](std::span<const Var> in) { return in[0].graph().record(op, in, {}, here()); };
  const Shape shape{4};
  const std::vector<double> x{1, 2, -1, 0.5};
  CHECK(gradcheck(f, std::span(&shape, 1), std::span(&x, 1)) > 0.1);
  CHECK(gradcheck([](std::span<const Var> in) { return in[0] * in[0]; }, std::span(&shape, 1),
                  std::span(&x, 1)) < 1e-9);
}

TEST_CASE("a reverse that gives a NaN for one element is found, whichever it is") {
  for (std::size_t bad = 0; bad < 3; ++bad) {
    std::vector<double> factor{1, 1, 1};
    factor[bad] = std::numeric_limits<double>::quiet_NaN();
    OpDef op;
    op.name = "test_nan_square";
    op.infer = [](std::span<const Shape> in, const Attributes&) { return in[0]; };
    op.spec = [](std::span<const Var> in, const Attributes&) { return in[0] * in[0]; };
    op.vjp = [&](const VjpInput& v, const Attributes&) {
      return std::vector<Var>{v.adjoint * (v.in[0] * 2.0) * v.adjoint.graph().constant(Shape{3}, factor)};
    };
    const auto f = [&](std::span<const Var> in) { return in[0].graph().record(op, in, {}, here()); };
    const Shape shape{3};
    const std::vector<double> x{1, 2, 3};
    CHECK(std::isnan(gradcheck(f, std::span(&shape, 1), std::span(&x, 1))));
  }
}

TEST_CASE("a wrong reverse of a function whose gradient is small is found too, down to the floor") {
  OpDef op;
  op.name = "test_small_square";
  op.infer = [](std::span<const Shape> in, const Attributes&) { return in[0]; };
  op.spec = [](std::span<const Var> in, const Attributes&) { return in[0] * in[0] * 1e-6; };
  op.vjp = [](const VjpInput& v, const Attributes&) {
    return std::vector<Var>{v.adjoint * v.in[0] * 1e-6};
  };  // half of what it should be
  const auto f = [&](std::span<const Var> in) { return in[0].graph().record(op, in, {}, here()); };
  const Shape shape{4};
  const std::vector<double> x{1, 2, -1, 0.5};
  CHECK(gradcheck(f, std::span(&shape, 1), std::span(&x, 1)) > 0.1);
  GradcheckOptions coarse;
  coarse.floor = 1;
  CHECK(gradcheck(f, std::span(&shape, 1), std::span(&x, 1), coarse) < 1e-5);
}
