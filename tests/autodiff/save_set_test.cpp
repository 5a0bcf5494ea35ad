#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "autodiff/ops/batch_norm.hpp"
#include "autodiff/ops/conv.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/transform/differentiate.hpp"
#include "autodiff/transform/save_set.hpp"

using namespace autodiff;

namespace {

double cost_of(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  NodeShape shape{{}, node.shape, &node.attributes};
  for (NodeId i : node.inputs) shape.in.push_back(graph.node(i).shape);
  return node.op->cost ? node.op->cost(shape) : static_cast<double>(node.shape.size());
}

// The least of kept numbers + price * recomputed arithmetic, over all choices of what is computed again.
double least_cost(const Graph& graph, const std::vector<Var>& outputs, std::size_t forward_outputs,
                  double price) {
  const auto needed = ancestors(outputs), forward = ancestors(std::span(outputs).first(forward_outputs));
  std::vector<NodeId> values;
  std::vector<std::size_t> number(graph.size(), 0);
  for (NodeId id = 0; id < graph.size(); ++id)
    if (forward[id] && !graph.is_input(id) && !graph.is_constant(id)) {
      number[id] = values.size();
      values.push_back(id);
    }
  const auto bit = [&](NodeId id) {
    return graph.is_input(id) || graph.is_constant(id) ? 0u : 1u << number[id];
  };
  unsigned read = 0, provided = 0;
  for (NodeId id = 0; id < graph.size(); ++id)
    if (needed[id] && !forward[id])
      for (NodeId i : graph.node(id).inputs)
        if (forward[i]) read |= bit(i);
  for (std::size_t i = 0; i < forward_outputs; ++i) provided |= bit(outputs[i].id());
  double least = 1e300;
  for (unsigned again = 0; again < 1u << values.size(); ++again) {
    unsigned wanted = read;
    double cost = 0;
    for (std::size_t v = 0; v < values.size(); ++v)
      if (again >> v & 1u) {
        for (NodeId i : graph.node(values[v]).inputs) wanted |= bit(i);
        cost += price * cost_of(graph, values[v]);
      }
    for (std::size_t v = 0; v < values.size(); ++v)
      if ((wanted & ~again & ~provided) >> v & 1u)
        cost += static_cast<double>(graph.node(values[v]).shape.size());
    least = std::min(least, cost);
  }
  return least;
}

template <class T>
std::vector<T> run(const Plan<T>& plan, const std::vector<std::vector<double>>& values,
                   const std::vector<Var>& outputs) {
  std::vector<std::vector<T>> typed;
  std::vector<const T*> in;
  for (const auto& v : values) in.push_back(typed.emplace_back(v.begin(), v.end()).data());
  std::size_t size = 0;
  for (Var v : outputs) size += static_cast<std::size_t>(v.shape().size());
  std::vector<T> all(size);
  std::vector<T*> out;
  size = 0;
  for (Var v : outputs) {
    out.push_back(all.data() + size);
    size += static_cast<std::size_t>(v.shape().size());
  }
  Arena arena;
  const Parallel serial(1);
  plan.run(in, out, arena, serial);
  CHECK(arena.high_water() == plan.peak_bytes());
  return all;
}

// Three blocks with a residual, a readout, and the reverse of all.
struct Blocks {
  Graph graph;
  std::vector<Var> inputs, outputs;
  std::vector<std::vector<double>> values;
  Var input(Shape s, std::mt19937& random) {
    std::vector<double> v(static_cast<std::size_t>(s.size()));
    std::normal_distribution<double> normal(0, 0.7);
    for (double& x : v) x = normal(random);
    values.push_back(std::move(v));
    inputs.push_back(graph.input(s, "v" + std::to_string(inputs.size())));
    return inputs.back();
  }
  Blocks(Index units, Index examples, Index C) {
    std::mt19937 random(7);
    const auto cbr = [&](Var x, int axis) {
      const Var w = input(Shape{3, C, C}, random), b = input(Shape{C}, random), o = input(Shape{C}, random);
      return relu(batch_norm(conv(x, w, b, axis), o, 1e-3));
    };
    Var a = cbr(input(Shape{units, examples, C}, random), 1);
    a = a + cbr(cbr(a, 0), 0);
    const Var y = sum_all(exp(linear(a, input(Shape{C, 2}, random)) * 0.1));
    outputs = {y};
    for (Var g : gradient(y, inputs)) outputs.push_back(g);
  }
};

}  // namespace

TEST_SUITE("save set") {
  TEST_CASE("the cut costs as little as any choice") {
    std::mt19937 random(3);
    const auto below = [&](std::size_t n) {
      return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
    };
    for (int trial = 0; trial < 200; ++trial) {
      Graph graph;
      std::vector<Var> values{graph.input(Shape{4, 3}, "x"), graph.input(Shape{4, 1}, "y")};
      const Var adjoint = graph.input(Shape{4, 3}, "adjoint");
      const std::size_t nodes = 3 + below(7);
      while (values.size() < nodes + 2) {
        const Var v = values[below(values.size())], w = values[below(values.size())];
        const std::size_t kind = below(5);
        values.push_back(kind == 0   ? v + w
                         : kind == 1 ? exp(v)
                         : kind == 2 ? sum(v, {1})
                         : kind == 3 ? v * w
                                     : square(v));
      }
      std::vector<Var> outputs{values.back()};
      if (graph.is_input(outputs[0].id())) continue;
      const auto forward = ancestors(outputs);
      Var reverse = adjoint;
      for (std::size_t i = 2; i < values.size(); ++i)
        if (forward[values[i].id()] && below(2) == 0) reverse = reverse * values[i];
      outputs.push_back(reverse);
      for (double price : {0.01, 0.3, 1.0, 3.0, 50.0}) {
        const SaveSet set = choose_save_set(outputs, 1, price);
        CHECK(set.numbers + price * set.extra == doctest::Approx(least_cost(graph, outputs, 1, price)));
      }
    }
  }

  TEST_CASE_TEMPLATE("recomputation never changes bits, and a lower price never keeps more", T, float,
                     double) {
    for (auto [units, examples, C] :
         {std::array<Index, 3>{1, 2, 3}, {2, 3, 1}, {3, 17, 5}, {17, 9, 16}, {20, 33, 18}}) {
      const Blocks b(units, examples, C);
      for (bool fuse : {false, true}) {
        std::vector<T> expected;
        std::size_t tape = 0;
        for (double price : {0.0, 50.0, 1.0, 1.0 / 16, 1e-4}) {
          PlanOptions options;
          options.transform = {fuse, 1, price};
          const Plan<T> plan(b.inputs, b.outputs, options);
          const auto found = run(plan, b.values, b.outputs);
          if (price == 0.0)
            expected = found;
          else
            CHECK(plan.tape_bytes() <= tape);
          CHECK(found == expected);
          tape = plan.tape_bytes();
        }
      }
    }
  }

  TEST_CASE("at a price of one sixteenth the tape of a block is the convolution's output and little else") {
    const Blocks b(16, 32, 16);
    PlanOptions options;
    options.transform = {true, 1, 1.0 / 16};
    const Plan<double> plan(b.inputs, b.outputs, options);
    CHECK(plan.tape_bytes() >= 3 * 16 * 32 * 16 * sizeof(double));
    CHECK(plan.tape_bytes() <= 3.2 * 16 * 32 * 16 * sizeof(double));
  }

  TEST_CASE("misuse is refused") {
    const Blocks b(2, 3, 1);
    CHECK_THROWS_WITH_AS(choose_save_set(b.outputs, 1, 0), "[save set] expected a price above 0, found 0",
                         std::invalid_argument);
    CHECK_THROWS_AS(choose_save_set(b.outputs, 0, 1), std::invalid_argument);
    CHECK_THROWS_AS(choose_save_set(b.outputs, b.outputs.size() + 1, 1), std::invalid_argument);
    CHECK_THROWS_AS(choose_save_set(b.outputs, 1, std::numeric_limits<double>::infinity()),
                    std::invalid_argument);
    PlanOptions options;
    options.transform.recompute_price = -1;
    CHECK_THROWS_AS(Plan<float>(b.inputs, b.outputs, options), std::invalid_argument);
    options.transform = {true, b.outputs.size() + 1, 0};
    CHECK_THROWS_AS(Plan<float>(b.inputs, b.outputs, options), std::invalid_argument);
  }
}
