#include "autodiff/transform/sub_segments.hpp"

#include <doctest/doctest.h>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/transform/differentiate.hpp"
#include "autodiff/transform/save_set.hpp"

using namespace autodiff;

namespace {

// Nodes on some way from v to an output that does not lead through h.
bool avoids(const Graph& graph, std::span<const Var> outputs, NodeId v, NodeId h) {
  std::vector<char> reaches(graph.size(), 0);
  for (Var o : outputs)
    if (o.id() != h) reaches[o.id()] = 1;
  for (NodeId id = static_cast<NodeId>(graph.size()); id-- > 0;)
    if (reaches[id] && id != h)
      for (NodeId i : graph.node(id).inputs)
        if (i != h) reaches[i] = 1;
  return reaches[v];
}

// Three layers of eight steps each; the next layer and the output read nothing of a layer but what its last
// product gives.
struct Layers {
  Graph g;
  Var x = g.input(Shape{500, 20}, "x"), up = g.input(Shape{20, 20}, "up"),
      down = g.input(Shape{20, 20}, "down"), adjoint = g.input(Shape{500, 20}, "adjoint");
  std::vector<Var> tops, outputs;

  Layers() {
    Var h = x;
    for (int layer = 0; layer < 3; ++layer) {
      Var wide = matmul(h, up);
      for (int i = 0; i < 8; ++i) wide = tanh(matmul(wide, up)) + wide;
      h = matmul(wide, down) * 0.01;
      tops.push_back(h);
    }
    const Var y = tops[0] * tops[1] + tops[2];
    outputs = {y};
    const Var seeds[] = {adjoint}, wrt[] = {x, up, down};
    for (Var d : differentiate(outputs, seeds, wrt)) outputs.push_back(d);
  }
};

}  // namespace

TEST_CASE("a sub-segment is what a value dominates: no way from inside to an output avoids its head") {
  Layers n;
  const SaveSet saved = choose_save_set(n.outputs, 1, 1.0);
  const std::span<const Var> forward(n.outputs.data(), 1);
  int inside_before = 0;
  for (double most : {1e9, saved.numbers / 2, saved.numbers / 4, saved.numbers / 8}) {
    const SubSegments parts = find_sub_segments(forward, saved.kept, most);
    int heads = 0, inside = 0;
    for (NodeId id = 0; id < n.g.size(); ++id) {
      CHECK_FALSE((parts.head[id] && parts.inside[id]));
      heads += parts.head[id];
      inside += parts.inside[id];
      if (!parts.inside[id]) continue;
      bool dominated = false;
      for (NodeId h = id + 1; h < n.g.size(); ++h)
        dominated = dominated || (parts.head[h] && !avoids(n.g, forward, id, h));
      CHECK(dominated);
    }
    CAPTURE(most);
    CHECK(heads > 0);
    if (most < 1e9) CHECK(heads >= 3);  // the layers, or parts of them
    if (inside_before > 0) CHECK(inside <= inside_before);
    inside_before = inside;
  }
  CHECK(find_sub_segments(forward, saved.kept, 0).head == std::vector<char>(n.g.size(), 0));
}

TEST_CASE("sub-segments need less memory and more arithmetic, and give the same bits") {
  Layers n;
  const Var inputs[] = {n.x, n.up, n.down, n.adjoint};
  std::vector<std::vector<float>> values{std::vector<float>(10'000), std::vector<float>(400),
                                         std::vector<float>(400), std::vector<float>(10'000)};
  std::vector<const float*> in;
  for (auto& v : values) {
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = 0.001f * static_cast<float>((i * 37) % 101) - 0.05f;
    in.push_back(v.data());
  }
  const auto plan_with = [&](int sub_segments) {
    PlanOptions options;
    options.transform = {true, 1, 1.0, sub_segments};
    return Plan<float>(inputs, n.outputs, options);
  };
  const auto run = [&](const Plan<float>& plan) {
    std::vector<std::vector<float>> results;
    std::vector<float*> out;
    for (Var o : n.outputs) results.emplace_back(static_cast<std::size_t>(o.shape().size()));
    for (auto& r : results) out.push_back(r.data());
    Arena arena;
    plan.run(in, out, arena, Parallel(1));
    CHECK(arena.high_water() == plan.peak_bytes());
    return results;
  };
  const Plan<float> plain = plan_with(1), parts = plan_with(3);
  CHECK(parts.tape_bytes() < plain.tape_bytes() / 3);
  CHECK(parts.peak_bytes() < plain.peak_bytes() * 7 / 10);
  CHECK(parts.cost() > plain.cost());
  CHECK(run(plain) == run(parts));
  CHECK_THROWS_WITH_AS(plan_with(0), doctest::Contains("at least 1 sub-segment"), std::invalid_argument);
}
