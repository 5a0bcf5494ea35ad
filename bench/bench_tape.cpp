// bench_tape: the overhead of an op, as the time of forward and reverse of a chain of ops of one element each
// in a compiled plan; ns per op of the forward.
//
// Every op of a chain reads the one before it and, where it takes two operands, a separate input, so that no
// two ops are equal and none is constant. Gradients of all inputs are outputs.
#include <benchmark/benchmark.h>

#include <vector>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/transform/differentiate.hpp"

namespace bench {
namespace {

using namespace autodiff;

constexpr int kOps = 1000;

/// Op number i of a chain, given the value so far; it may add inputs.
using Link = Var (*)(int i, Var y, std::vector<Var>& inputs);

Var own_input(Var y, std::vector<Var>& inputs) {
  inputs.push_back(y.graph().input(Shape{}, "a"));
  return inputs.back();
}
Var link_mul(int, Var y, std::vector<Var>& inputs) { return y * own_input(y, inputs); }
Var link_add(int, Var y, std::vector<Var>& inputs) { return y + own_input(y, inputs); }
Var link_sigmoid(int, Var y, std::vector<Var>&) { return sigmoid(y); }
Var link_mix(int i, Var y, std::vector<Var>& inputs) {
  switch (i % 4) {
    case 0:
      return link_mul(i, y, inputs);
    case 1:
      return link_add(i, y, inputs);  // its reverse needs no kernel
    case 2:
      return link_sigmoid(i, y, inputs);
    default:
      return square(y);
  }
}

void chain(benchmark::State& state, Link link) {
  Graph graph;
  std::vector<Var> inputs{graph.input(Shape{}, "x")};
  Var y = inputs.front();
  for (int i = 0; i < kOps; ++i) y = link(i, y, inputs);
  auto outputs = gradient(y, inputs);
  outputs.push_back(y);
  PlanOptions options;
  options.transform.fuse = false;  // every op runs separately
  const Plan<float> plan(inputs, outputs, options);

  const std::vector<float> values(inputs.size(), 0.99f);
  std::vector<float> results(outputs.size());
  std::vector<const float*> in;
  std::vector<float*> out;
  for (const float& v : values) in.push_back(&v);
  for (float& r : results) out.push_back(&r);
  Arena arena;
  const Parallel serial(1);
  const auto kernels = plan.profile(in, out, arena, serial).size();
  if (kernels < 2 * kOps) return state.SkipWithError("ops of the chain were removed");
  for (auto _ : state) plan.run(in, out, arena, serial);
  using benchmark::Counter;
  const auto inverse_rate = Counter::kIsIterationInvariantRate | Counter::kInvert;
  state.counters["s/op"] = Counter(kOps, inverse_rate);
  state.counters["s/kernel"] = Counter(static_cast<double>(kernels), inverse_rate);
  state.counters["kernels/op"] = static_cast<double>(kernels) / kOps;
}

BENCHMARK_CAPTURE(chain, mul, link_mul);
BENCHMARK_CAPTURE(chain, sigmoid, link_sigmoid);
BENCHMARK_CAPTURE(chain, mix, link_mix);

}  // namespace
}  // namespace bench

BENCHMARK_MAIN();
