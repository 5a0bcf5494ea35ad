#include "autodiff/graph/attributes.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/all_ops.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/transform/simplify.hpp"

using namespace autodiff;

namespace {

enum class Side { left, right };
struct Inner {
  int axis = 0;
  double width = 0;
};
struct Six {
  Side side = Side::left;
  bool flag = false;
  Shape shape;
  std::vector<Inner> list;
  std::variant<Side, Inner> either;
  Inner inner;
};
struct Real {
  double value = 0;
};
struct OtherReal {
  double value = 0;
};
struct Empty {};

}  // namespace

TEST_CASE("attributes differ where any field of theirs does, at any depth") {
  const Six six{Side::right, true, {2, 3}, {{1, 0.5}, {2, 0.25}}, Inner{4, 5}, {6, 7}};
  CHECK(Attributes(six) == Attributes(Six(six)));
  const auto changed = [&](auto change) {
    Six other = six;
    change(other);
    return Attributes(six) != Attributes(other);
  };
  CHECK(changed([](Six& s) { s.side = Side::left; }));
  CHECK(changed([](Six& s) { s.flag = false; }));
  CHECK(changed([](Six& s) { s.shape = Shape{3, 2}; }));
  CHECK(changed([](Six& s) { s.list[1].width = 1; }));
  CHECK(changed([](Six& s) { s.list.pop_back(); }));
  CHECK(changed([](Six& s) { s.either = Side::left; }));
  CHECK(changed([](Six& s) { s.either = Inner{4, 6}; }));
  CHECK(changed([](Six& s) { s.inner.width = 8; }));
  CHECK(Attributes(six).as<Six>().inner.axis == 6);
}

TEST_CASE("attributes of two types are never equal, and one is not read as the other") {
  const Attributes real = Real{1}, none, empty = Empty{};
  CHECK(real != Attributes(OtherReal{1}));
  CHECK(none == Attributes());
  CHECK(none != empty);
  CHECK(empty == Attributes(Empty{}));
  CHECK(real.as<Real>().value == 1);
  CHECK_THROWS_WITH_AS(real.as<OtherReal>(), "[attributes] expected OtherReal, found Real", std::logic_error);
  CHECK_THROWS_WITH_AS(none.as<Real>(), "[attributes] expected Real, found none", std::logic_error);
}

TEST_CASE("attributes are compared by their bits: a NaN equals itself, zeros of both signs differ") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(Attributes(Real{nan}) == Attributes(Real{nan}));
  CHECK(Attributes(Real{0.0}) != Attributes(Real{-0.0}));
}

TEST_CASE("an op of the user's own brings attributes of its own: equal nodes are recorded once") {
  struct PowerAttributes {
    int exponent = 1;
  };
  OpDef op;
  op.name = "test_power";
  op.doc = "x^exponent";
  op.attributes = typeid(PowerAttributes);
  op.infer = [](std::span<const Shape> in, const Attributes& a) {
    if (a.as<PowerAttributes>().exponent < 1)
      throw std::invalid_argument("expected an exponent of 1 or more");
    return in[0];
  };
  op.spec = [](std::span<const Var> in, const Attributes& a) {
    Var y = in[0];
    for (int i = 1; i < a.as<PowerAttributes>().exponent; ++i) y = y * in[0];
    return y;
  };
  op.set_kernel([]<class T>(const NodeShape& s) {
    return Kernel<T>{
        [n = s.out.size(), e = s.attributes->as<PowerAttributes>().exponent](const KernelArguments<T>& k) {
          for (Index i = 0; i < n; ++i) {
            T y = k.in[0][i];
            for (int j = 1; j < e; ++j) y *= k.in[0][i];
            k.out[i] = y;
          }
        }};
  });
  op.serial = true;
  op.samples = {{{Shape{3}}, PowerAttributes{3}}};
  op.wrong = {{{Shape{3}}, PowerAttributes{0}, "an exponent of 1 or more"}};
  const OpDef& power = find_op("test_power") ? *find_op("test_power") : register_op(op);
  Graph g, target;
  const Var x = g.input(Shape{2}, "x");
  const auto raised = [&](int e) { return g.record(power, std::span(&x, 1), PowerAttributes{e}, here()); };
  const Var y = raised(2) + raised(2) + raised(3);
  simplify(std::span(&x, 1), std::span(&y, 1), target);
  int powers = 0;
  for (NodeId id = 0; id < target.size(); ++id) powers += is(target.node(id), power);
  CHECK(powers == 2);
}
