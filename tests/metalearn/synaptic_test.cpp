#include "metalearn/model/update_rules/synaptic.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "autodiff/gradcheck.hpp"
#include "autodiff/plan/plan.hpp"
#include "metalearn/outer/adam.hpp"
#include "metalearn/outer/windowed.hpp"
#include "small_task.hpp"

using namespace metalearn;
using namespace outer_test;

namespace {

RuleConfig synaptic() {
  RuleConfig c;
  c.rule = "synaptic";
  c.N_L = 3;
  c.activation = Activation::tanh;
  c.inner_rate = 0.1;
  return c;
}

const std::vector<std::int64_t> kWidths = {5, 4, 3};
constexpr std::int64_t kBatch = 6;

std::vector<double> drawn(std::int64_t n, std::uint64_t stream) {
  Random random(9, stream);
  std::vector<double> values;
  for (std::int64_t i = 0; i < n; ++i) values.push_back(random.normal());
  return values;
}

}  // namespace

TEST_CASE("the synaptic rule's terms are means over the batch of what its neurons do") {
  autodiff::Graph graph;
  const auto rule = make_update_rule(synaptic());
  Theta theta;
  for (const auto& t : rule->theta_spec().tensors) theta[t.name] = graph.constant(autodiff::Shape(std::span<const autodiff::Index>(t.shape)), drawn(t.size(), t.size() > 4 ? 1 : 2));
  std::vector<autodiff::Var> flat;
  std::uint64_t stream = 10;
  for (const auto& t : phi_spec(kWidths).tensors) flat.push_back(graph.constant(autodiff::Shape(std::span<const autodiff::Index>(t.shape)), drawn(t.size(), ++stream)));
  const Phi phi = Phi::from_flat(flat);
  const autodiff::Var x = graph.constant(autodiff::Shape{5, kBatch}, drawn(5 * kBatch, 3));
  const Activity a = forward(phi, x, Activation::tanh);
  std::map<std::string, autodiff::Var> probed;
  const Phi next = rule->step(theta, phi, x, [&](const std::string& name, autodiff::Var v) { probed[name] = v; });
  const auto value = [&](autodiff::Var v) {
    std::vector<double> out(static_cast<std::size_t>(v.shape().size()));
    double* o = out.data();
    autodiff::Arena arena;
    autodiff::Plan<double>({}, std::span(&v, 1)).run({}, std::span(&o, 1), arena, autodiff::Parallel(1));
    return out;
  };
  const auto lower = value(a.x[1]), upper = value(a.x[2]), W = value(phi.W[1]);
  const auto at = [](const std::vector<double>& v, std::int64_t unit, std::int64_t e) { return v[static_cast<std::size_t>(unit * kBatch + e)]; };
  const auto moments = [&](const std::vector<double>& v, std::int64_t unit) {
    double mean = 0, square = 0;
    for (std::int64_t e = 0; e < kBatch; ++e) mean += at(v, unit, e) / kBatch;
    for (std::int64_t e = 0; e < kBatch; ++e) square += std::pow(at(v, unit, e) - mean, 2) / kBatch;
    return std::pair(mean, std::sqrt(square + 1e-6));
  };
  const auto hebb = value(probed.at("terms/2/hebb")), oja = value(probed.at("terms/2/oja")), pre_w = value(probed.at("terms/2/pre_w"));
  for (std::int64_t i = 0; i < 4; ++i)
    for (std::int64_t j = 0; j < 3; ++j) {
      const auto [m, s] = moments(lower, i);
      const auto [n, r] = moments(upper, j);
      double product = 0, square = 0, column = 0;
      for (std::int64_t e = 0; e < kBatch; ++e) product += (at(lower, i, e) - m) / s * (at(upper, j, e) - n) / r / kBatch, square += std::pow(at(upper, j, e), 2) / kBatch;
      for (std::int64_t k = 0; k < 4; ++k) column += std::pow(W[static_cast<std::size_t>(k * 3 + j)], 2) / 4;
      const auto place = static_cast<std::size_t>(i * 3 + j);
      const double w = W[place] / std::sqrt(column + 1e-6);
      CHECK(hebb[place] == doctest::Approx(product));
      CHECK(oja[place] == doctest::Approx(square * w));
      CHECK(pre_w[place] == doctest::Approx(m * w));
    }
  // W and V go the same way, at rate lambda.
  const auto change = value(probed.at("change/2")), W_next = value(next.W[1]), V = value(phi.V[1]), V_next = value(next.V[1]);
  for (std::size_t i = 0; i < change.size(); ++i) {
    CHECK(W_next[i] == doctest::Approx(0.9 * W[i] + 0.1 * change[i]));
    CHECK(V_next[i] == doctest::Approx(0.9 * V[i] + 0.1 * change[i]));
  }
}

TEST_CASE("a synaptic step has the gradient of central differences in theta, phi and its batch") {
  const auto rule = make_update_rule(synaptic());
  std::vector<autodiff::Shape> shapes;
  std::vector<std::vector<double>> values;
  std::uint64_t stream = 20;
  for (const TensorList& list : {rule->theta_spec(), phi_spec(kWidths)})
    for (const auto& t : list.tensors) {
      shapes.emplace_back(std::span<const autodiff::Index>(t.shape));
      values.push_back(drawn(t.size(), ++stream));
    }
  shapes.push_back(autodiff::Shape{5, kBatch});
  values.push_back(drawn(5 * kBatch, 3));
  const auto names = rule->theta_spec().tensors;
  for (const std::size_t part : {std::size_t{0}, std::size_t{1}, std::size_t{4}, std::size_t{5}}) {
    const auto f = [&](std::span<const autodiff::Var> in) {
      Theta theta;
      for (std::size_t i = 0; i < names.size(); ++i) theta[names[i].name] = in[i];
      return rule->step(theta, Phi::from_flat({in.begin() + static_cast<std::ptrdiff_t>(names.size()), in.end() - 1}), in.back(), [](const std::string&, autodiff::Var) {}).flat()[part];
    };
    CHECK(autodiff::gradcheck(f, shapes, values) < 1e-5);
  }
}

TEST_CASE("theta of the synaptic rule is drawn from its seed, and a descent along its meta-gradient lowers the meta-objective of a window") {
  auto config = small_config();
  config.rule.rule = "synaptic";
  config.window_min = config.window_max = 4;
  auto theta = initial_theta(config.rule, 1);
  CHECK(theta == initial_theta(config.rule, 1));
  CHECK(theta != initial_theta(config.rule, 2));
  CHECK(static_cast<std::int64_t>(theta.size()) == theta_spec(config.rule).size);
  const auto make = small_tasks(config);
  Windowed windowed(config);
  const auto objective = [&](std::vector<float>* gradient) {
    double total = 0;
    for (std::uint64_t id = 0; id < 4; ++id) {
      InFlight task = make(id);
      task.length = 100;
      const auto e = windowed.estimate(theta, task, 1);
      REQUIRE(e.finite);
      total += e.objective_last;
      if (gradient)
        for (std::size_t i = 0; i < theta.size(); ++i) (*gradient)[i] += e.gradient[i];
    }
    return total;
  };
  const double before = objective(nullptr);
  AdamState adam;
  adam.m.assign(theta.size(), 0.0f), adam.v = adam.m;
  for (int i = 0; i < 25; ++i) {
    std::vector<float> gradient(theta.size(), 0.0f);
    objective(&gradient);
    adam_step({}, 0.03, gradient, adam, theta);
  }
  CHECK(objective(nullptr) < before - 0.05);
}
