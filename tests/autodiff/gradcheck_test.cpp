#include "autodiff/gradcheck.hpp"

#include <doctest/doctest.h>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/elementwise.hpp"

using namespace autodiff;

TEST_CASE("a wrong reverse is found") {
  OpDef op;
  op.name = "test_wrong_square";
  op.infer = [](std::span<const Shape> in, const Attributes&) { return in[0]; };
  op.spec = [](std::span<const Var> in, const Attributes&) { return in[0] * in[0]; };
  op.vjp = [](const VjpInput& v, const Attributes&) { return std::vector<Var>{v.adjoint * v.in[0]}; };  // half of what it should be
  const auto f = [&](std::span<const Var> in) { return in[0].graph().record(op, in, {}, here()); };
  const Shape shape{4};
  const std::vector<double> x{1, 2, -1, 0.5};
  CHECK(gradcheck(f, std::span(&shape, 1), std::span(&x, 1)) > 0.1);
  CHECK(gradcheck([](std::span<const Var> in) { return in[0] * in[0]; }, std::span(&shape, 1), std::span(&x, 1)) < 1e-9);
}
