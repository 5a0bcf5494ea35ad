#include "autodiff/ops/softmax.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "autodiff/ops/gather.hpp"
#include "value.hpp"

using namespace autodiff;
using autodiff_test::value;

TEST_CASE("the cross-entropy is the mean surprise of the right classes, also where exp would overflow") {
  Graph graph;
  const Var logits =
                graph.constant(Shape{2, 3}, {std::log(0.2), std::log(0.3), std::log(0.5), 1000, 0, -1000}),
            labels = graph.constant(Shape{2}, {1, 1});
  CHECK(value(softmax_cross_entropy(logits, one_hot(labels, 3)))[0] ==
        doctest::Approx((-std::log(0.3) + 1000) / 2));
}

TEST_CASE("large logits keep the logarithm of the sum in float32") {
  Graph graph;
  const Var x = graph.input(Shape{1, 2}, "x"), y = log_softmax(x);
  const Plan<float> plan(std::span(&x, 1), std::span(&y, 1));
  const float in[] = {3e8f, 3e8f}, *i = in;
  float out[2], *o = out;
  Arena arena;
  plan.run(std::span(&i, 1), std::span(&o, 1), arena, Parallel(1));
  for (const float v : out) CHECK(v == doctest::Approx(-std::log(2.0)));
}

TEST_CASE("a cross-entropy of another shape is refused where it was recorded") {
  Graph graph;
  const Var logits = graph.constant(Shape{2, 3}, {1, 2, 3, 4, 5, 6}),
            targets = graph.constant(Shape{1, 3}, {0, 1, 0}), scalar = graph.scalar(1);
  CHECK_THROWS_WITH_AS(softmax_cross_entropy(logits, targets),
                       doctest::Contains("[softmax_cross_entropy] expected logits and targets of one shape"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(softmax_cross_entropy(scalar, scalar), doctest::Contains("softmax_test.cpp"),
                       std::invalid_argument);
}
