#include "metalearn/rules/synaptic.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "autodiff/plan/plan.hpp"
#include "autodiff/testing/gradcheck.hpp"
#include "metalearn/optimise/adam.hpp"
#include "metalearn/windows/windowed.hpp"
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
  for (const auto& t : rule->theta_spec().tensors)
    theta[t.name] = graph.constant(autodiff::Shape(std::span<const autodiff::Index>(t.shape)),
                                   drawn(t.size(), t.size() > 4 ? 1 : 2));
  std::vector<autodiff::Var> flat;
  std::uint64_t stream = 10;
  for (const auto& t : phi_spec(kWidths).tensors)
    flat.push_back(graph.constant(autodiff::Shape(std::span<const autodiff::Index>(t.shape)),
                                  drawn(t.size(), ++stream)));
  const Phi phi = Phi::from_flat(flat);
  const autodiff::Var x = graph.constant(autodiff::Shape{5, kBatch}, drawn(5 * kBatch, 3));
  const Activity a = forward(phi, x, Activation::tanh);
  std::map<std::string, autodiff::Var> probed;
  const Phi next =
      rule->step(theta, phi, x, [&](const std::string& name, autodiff::Var v) { probed[name] = v; });
  const auto value = [&](autodiff::Var v) {
    std::vector<double> out(static_cast<std::size_t>(v.shape().size()));
    double* o = out.data();
    autodiff::Arena arena;
    autodiff::Plan<double>({}, std::span(&v, 1)).run({}, std::span(&o, 1), arena, autodiff::Parallel(1));
    return out;
  };
  const auto lower = value(a.x[1]), upper = value(a.x[2]), W = value(phi.W[1]);
  const auto at = [](const std::vector<double>& v, std::int64_t unit, std::int64_t e) {
    return v[static_cast<std::size_t>(unit * kBatch + e)];
  };
  const auto moments = [&](const std::vector<double>& v, std::int64_t unit) {
    double mean = 0, square = 0;
    for (std::int64_t e = 0; e < kBatch; ++e) mean += at(v, unit, e) / kBatch;
    for (std::int64_t e = 0; e < kBatch; ++e) square += std::pow(at(v, unit, e) - mean, 2) / kBatch;
    return std::pair(mean, std::sqrt(square + 1e-6));
  };
  const auto z = value(a.z[2]);
  std::vector<double> m(kBatch, 0.0);  // the layer's mean activity, standardised over the batch
  for (std::int64_t e = 0; e < kBatch; ++e)
    for (std::int64_t j = 0; j < 3; ++j) m[static_cast<std::size_t>(e)] += at(upper, j, e) / 3;
  const auto [m_mean, m_deviation] = moments(m, 0);
  for (double& v : m) v = (v - m_mean) / m_deviation;
  std::map<std::string, std::vector<double>> expected;  // [4, 3] each
  for (std::int64_t i = 0; i < 4; ++i)
    for (std::int64_t j = 0; j < 3; ++j) {
      const auto [x_mean, x_deviation] = moments(lower, i);
      const auto [y_mean, y_deviation] = moments(upper, j);
      const auto [z_mean, z_deviation] = moments(z, j);
      double hebb = 0, potential = 0, threshold = 0, modulated = 0, square = 0, column = 0;
      for (std::int64_t e = 0; e < kBatch; ++e) {
        const double p = (at(lower, i, e) - x_mean) / x_deviation / kBatch,
                     q = (at(upper, j, e) - y_mean) / y_deviation, u = (at(z, j, e) - z_mean) / z_deviation;
        hebb += p * q, potential += p * u, threshold += p * q * q,
            modulated += p * q * m[static_cast<std::size_t>(e)],
            square += std::pow(at(upper, j, e), 2) / kBatch;
      }
      for (std::int64_t k = 0; k < 4; ++k) column += std::pow(W[static_cast<std::size_t>(k * 3 + j)], 2) / 4;
      const double w = W[static_cast<std::size_t>(i * 3 + j)] / std::sqrt(column + 1e-6);
      const std::array terms{1.0,       x_mean,     y_mean,     hebb,       potential, threshold,
                             modulated, x_mean * w, y_mean * w, square * w, hebb * w,  w};
      for (std::size_t k = 0; k < terms.size(); ++k) expected[kSynapticTerms[k]].push_back(terms[k]);
    }
  std::vector<double> sum(12, 0.0), coefficients = drawn(12, 1);
  for (std::size_t k = 0; k < kSynapticTerms.size(); ++k) {
    CAPTURE(kSynapticTerms[k]);
    const auto& term = expected.at(kSynapticTerms[k]);
    const auto probed_term = value(probed.at(std::string("terms/2/") + kSynapticTerms[k]));
    REQUIRE(probed_term.size() == 12);
    for (std::size_t i = 0; i < 12; ++i) CHECK(probed_term[i] == doctest::Approx(term[i]));
    for (std::size_t j = 0; j < 3; ++j) {
      double square = 0;
      for (std::size_t i = 0; i < 4; ++i) square += std::pow(term[3 * i + j], 2) / 4;
      for (std::size_t i = 0; i < 4; ++i)
        sum[3 * i + j] += coefficients[k] * term[3 * i + j] / std::sqrt(square + 1);
    }
  }
  const auto all_changes = value(probed.at("change/2"));
  for (std::size_t j = 0; j < 3; ++j) {
    double square = 0;
    for (std::size_t i = 0; i < 4; ++i) square += std::pow(sum[3 * i + j], 2) / 4;
    for (std::size_t i = 0; i < 4; ++i)
      CHECK(all_changes[3 * i + j] ==
            doctest::Approx(sum[3 * i + j] / std::sqrt(square + 1) + expected.at("w")[3 * i + j] / 7));
  }
  // b goes against the sum of its terms: 1, y, y^2, b, each scaled over the layer.
  const auto b = value(phi.b[1]), b_next = value(next.b[1]), of_bias = drawn(4, 2);
  std::vector<double> against(3, 0.0);
  for (std::size_t k = 0; k < 4; ++k) {
    std::vector<double> term(3, 1.0);
    for (std::int64_t j = 0; j < 3; ++j) {
      const auto place = static_cast<std::size_t>(j);
      double mean = 0, square = 0;
      for (std::int64_t e = 0; e < kBatch; ++e)
        mean += at(upper, j, e) / kBatch, square += std::pow(at(upper, j, e), 2) / kBatch;
      if (k > 0) term[place] = k == 1 ? mean : k == 2 ? square : b[place];
    }
    const double square = (term[0] * term[0] + term[1] * term[1] + term[2] * term[2]) / 3;
    for (std::size_t j = 0; j < 3; ++j) against[j] += of_bias[k] * term[j] / std::sqrt(square + 1);
  }
  const double square = (against[0] * against[0] + against[1] * against[1] + against[2] * against[2]) / 3;
  for (std::size_t j = 0; j < 3; ++j)
    CHECK(b_next[j] == doctest::Approx(0.9 * b[j] - 0.1 * against[j] / std::sqrt(square + 0.5)));
  // W and V go the same way, at rate lambda.
  const auto W_next = value(next.W[1]), V = value(phi.V[1]), V_next = value(next.V[1]);
  for (std::size_t i = 0; i < all_changes.size(); ++i) {
    CHECK(W_next[i] == doctest::Approx(0.9 * W[i] + 0.1 * all_changes[i]));
    CHECK(V_next[i] == doctest::Approx(0.9 * V[i] + 0.1 * all_changes[i]));
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
      return rule
          ->step(theta,
                 Phi::from_flat({in.begin() + static_cast<std::ptrdiff_t>(names.size()), in.end() - 1}),
                 in.back(), [](const std::string&, autodiff::Var) {})
          .flat()[part];
    };
    CHECK(autodiff::gradcheck(f, shapes, values) < 1e-5);
  }
}

TEST_CASE(
    "theta of the synaptic rule is drawn from its seed, and a descent along its meta-gradient lowers the "
    "meta-objective of a window") {
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
