// The rule's first convolution reads what is the same for all examples once per unit: it must be the
// convolution of section 6.3 over all inputs.
#include "metalearn/rules/metz.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "autodiff/ops/batch_norm.hpp"
#include "autodiff/ops/conv.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/plan/plan.hpp"
#include "metalearn/base/random.hpp"
#include "metalearn/model/phi.hpp"
#include "metalearn/rules/update_rule.hpp"

using namespace autodiff;
using namespace metalearn;

TEST_CASE("the first convolution of compute_h is that of all inputs, also where the batch is mostly ends") {
  RuleConfig config;
  config.H = 9, config.S = 5, config.D = 3, config.G = 2, config.N_L = 4;
  const std::vector<std::int64_t> widths{7, 3, 4};
  for (const std::int64_t batch : {2, 3, 4, 17}) {
    CAPTURE(batch);
    const auto rule = make_update_rule(config);
    Graph graph;
    std::vector<Var> inputs;
    std::vector<std::vector<double>> values;
    Random random(4, 4);
    const auto input = [&](const Shape& shape, const std::string& name) {
      inputs.push_back(graph.input(shape, name));
      values.emplace_back();
      for (Index i = 0; i < shape.size(); ++i) values.back().push_back(random.normal());
      return inputs.back();
    };
    Theta theta;
    for (const TensorSpec& t : rule->theta_spec().tensors)
      theta[t.name] = input(Shape(std::span<const Index>(t.shape)), t.name);
    std::vector<Var> phi;
    for (const TensorSpec& t : phi_spec(widths).tensors)
      phi.push_back(input(Shape(std::span<const Index>(t.shape)), t.name));
    std::map<std::string, Var> probed;
    rule->step(theta, Phi::from_flat(phi), input(Shape{widths[0], batch}, "x"),
               [&](const std::string& name, Var v) { probed[name] = v; });

    std::vector<Var> outputs;
    for (std::size_t l = 0; l < widths.size(); ++l) {
      const std::string level = "compute_h/" + std::to_string(l);
      const Var all =
          conv(probed.at(level + "/input"), theta.at("compute_h/conv0/w"), theta.at("compute_h/conv0/b"), 1);
      outputs.push_back(probed.at(level + "/conv0"));
      outputs.push_back(relu(batch_norm(all, theta.at("compute_h/conv0/bn_offset"), 1e-3)));
    }
    std::vector<std::vector<double>> results;
    for (const Var& v : outputs) results.emplace_back(static_cast<std::size_t>(v.shape().size()));
    std::vector<const double*> in;
    for (const auto& v : values) in.push_back(v.data());
    std::vector<double*> out;
    for (auto& v : results) out.push_back(v.data());
    Arena arena;
    Plan<double>(inputs, outputs).run(in, out, arena, Parallel(1));
    for (std::size_t i = 0; i < results.size(); i += 2)
      for (std::size_t j = 0; j < results[i].size(); ++j)
        REQUIRE(std::abs(results[i][j] - results[i + 1][j]) < 1e-11);
  }
}
