#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <set>

#include "autodiff/ops/batch_norm.hpp"
#include "autodiff/ops/conv.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/testing/largest_error.hpp"
#include "autodiff/transform/differentiate.hpp"
#include "autodiff/transform/pipeline.hpp"

using namespace autodiff;

namespace {

struct Network {
  Graph graph;
  std::vector<Var> inputs, outputs;
  std::vector<std::vector<double>> values;
  Var input(Shape s) {
    std::vector<double> v(static_cast<std::size_t>(s.size()));
    for (double& x : v) x = std::normal_distribution<double>(0, 0.7)(random);
    values.push_back(std::move(v));
    inputs.push_back(graph.input(s, "v" + std::to_string(inputs.size())));
    return inputs.back();
  }
  Var cbr(Var x, Index k, Index O, int axis, bool bias = true) {
    const Var w = input(Shape{k, x.shape()[2], O}), b = bias ? input(Shape{O}) : Var(), o = input(Shape{O});
    return relu(batch_norm(conv(x, w, b, axis), o, 1e-3));
  }
  // y and its gradient to all inputs.
  void finish(Var y) {
    const auto g = gradient(y, inputs);
    outputs.assign(1, y);
    outputs.insert(outputs.end(), g.begin(), g.end());
  }
  std::set<std::string> ops(bool fuse) const {
    Graph target;
    const Rewritten r = transform(inputs, outputs, {fuse, 1, 0}, target);
    const auto needed = ancestors(r.outputs);
    std::set<std::string> names;
    for (NodeId id = 0; id < target.size(); ++id)
      if (needed[id]) names.insert(target.node(id).op->name);
    return names;
  }
  template <class T>
  std::vector<std::vector<T>> run(bool fuse, int threads = 1) const {
    PlanOptions options;
    options.transform = {fuse, 1, 0};
    options.spread_above = 0;
    const Plan<T> plan(inputs, outputs, options);
    std::vector<std::vector<T>> typed, result;
    std::vector<const T*> in;
    std::vector<T*> out;
    for (const auto& v : values) in.push_back(typed.emplace_back(v.begin(), v.end()).data());
    result.reserve(outputs.size());
    for (Var v : outputs)
      out.push_back(result.emplace_back(static_cast<std::size_t>(v.shape().size())).data());
    Arena arena;
    const Parallel parallel(threads);
    plan.run(in, out, arena, parallel);
    return result;
  }
  std::mt19937 random{11};
};

// Largest difference, relative to the largest number of the array; arrays that are zero up to rounding are
// compared with `floor`.
template <class T>
double difference(const std::vector<T>& x, const std::vector<T>& y, double floor) {
  double worst = 0, scale = floor;
  for (std::size_t i = 0; i < x.size(); ++i) {
    keep_largest(worst, std::abs(static_cast<double>(x[i]) - static_cast<double>(y[i])));
    scale = std::max(scale, std::abs(static_cast<double>(y[i])));
  }
  return worst / scale;
}

}  // namespace

TEST_SUITE("fused blocks") {
  TEST_CASE("what is fused has the meaning of what was written, on odd shapes") {
    for (auto [units, examples, C] : {std::array<Index, 3>{1, 2, 3},
                                      {2, 2, 1},
                                      {2, 3, 16},
                                      {3, 17, 5},
                                      {17, 2, 18},
                                      {17, 33, 16},
                                      {9, 70, 33}}) {
      INFO(units, " units, ", examples, " examples, ", C, " channels");
      Network n;
      Var a = n.cbr(n.input(Shape{units, examples, 2}), 5, C, 1);
      a = n.cbr(a, 3, C, 1);
      a = a + n.cbr(n.cbr(a, 3, C, 0), 3, C, 0, false);
      a = n.cbr(a, 3, C + 1, 1);
      n.finish(sum_all(square(a) + exp(a * 0.3)));
      const auto plain = n.run<double>(false), fused = n.run<double>(true);
      for (std::size_t i = 0; i < plain.size(); ++i) CHECK(difference(fused[i], plain[i], 1.0) < 1e-11);
      const auto single = n.run<float>(true);
      CHECK(difference(single[0], n.run<float>(false)[0], 1.0) < 1e-4);
      for (int threads : {2, 4}) CHECK(n.run<float>(true, threads) == single);
    }
  }

  TEST_CASE("the activations of a block chain are not made, forward or reverse") {
    Network n;
    Var a = n.cbr(n.input(Shape{4, 6, 8}), 3, 8, 1);
    a = a + n.cbr(n.cbr(a, 3, 8, 0), 3, 8, 0);
    n.finish(sum_all(square(a)));
    const auto plain = n.ops(false), fused = n.ops(true);
    for (const char* name : {"relu", "normalise", "gate", "batch_norm_reverse"}) {
      CHECK(plain.contains(name));
      CHECK(!fused.contains(name));
    }
    for (const char* name :
         {"block_conv", "block_conv_weight_reverse", "block_activation", "block_sums", "block_reverse"})
      CHECK(fused.contains(name));
  }

  TEST_CASE("a bias in front of a batch norm has gradient zero, not noise") {
    Network n;
    n.finish(sum_all(square(n.cbr(n.input(Shape{4, 6, 3}), 3, 5, 1))));
    const auto fused = n.run<float>(true);
    REQUIRE(n.inputs[2].shape() == Shape{5});
    for (float g : fused[3]) CHECK(g == 0.0f);
  }

  TEST_CASE("what only looks like a block is left as it is") {
    Network n;
    const Var x = n.input(Shape{4, 6, 3}), o = n.input(Shape{3}), w = n.input(Shape{3, 3, 2});
    const Var z = normalise(x, moments(x), o, 1e-3);
    const Var small = n.input(Shape{6, 3}),
              gate_of_all = relu(normalise(small, moments(small), o, 1e-3));  // broadcasts: no block's gate
    n.finish(sum_all(conv(tanh(z), w, Var(), 1)) + sum_all(gate(z, x)) +
             sum_all(square(sum_range(gate(x, gate_of_all), 0, 2))));
    for (const auto& name : n.ops(true))
      CHECK((name == "block_activation" || name.find("block") == std::string::npos));
    const auto plain = n.run<double>(false), fused = n.run<double>(true);
    for (std::size_t i = 0; i < plain.size(); ++i) CHECK(difference(fused[i], plain[i], 1.0) < 1e-12);
  }
}
