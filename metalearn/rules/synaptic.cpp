#include "metalearn/rules/synaptic.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"
#include "metalearn/base/random.hpp"

namespace metalearn {

using namespace autodiff;

namespace {

constexpr double kInitialDeviation = 0.1;

Var standardise(Var v) {
  const Var c = v - mean(v, {1});
  return c * rsqrt(mean(square(c), {1}) + 1e-6);
}

/// sum_k coefficients[k] terms[k], each term scaled to at most unit root mean square over axis 0.
Var merge(Var coefficients, std::span<const Var> terms) {
  Var sum;
  for (std::size_t k = 0; k < terms.size(); ++k) {
    const auto at = static_cast<Index>(k);
    const Var scaled =
        terms[k] * (rsqrt(mean(square(terms[k]), {0}) + 1.0) * slice(coefficients, 0, at, at + 1));
    sum = sum ? sum + scaled : scaled;
  }
  return sum;
}

// The value that W moves towards at rate lambda, [I, J].
Var weight_change(Var W, Var x, Var y, Var z, Var coefficients,
                  const std::function<void(const std::string&, Var)>& probe) {
  const double B = static_cast<double>(x.shape()[1]);
  const Shape full = W.shape();
  const Var w = W * rsqrt(mean(square(W), {0}) + 1e-6);
  const Var p = standardise(x), q = standardise(y), u = standardise(z), m = standardise(mean(y, {0}));
  const auto together = [&](Var a, Var b) { return matmul(a, b, Transposed::no, Transposed::yes) / B; };
  const Var pre = mean(x, {1}), post = transpose(mean(y, {1})), hebb = together(p, q);
  const std::array<Var, kSynapticTerms.size()> terms{broadcast_to(W.graph().scalar(1), full),
                                                     broadcast_to(pre, full),
                                                     broadcast_to(post, full),
                                                     hebb,
                                                     together(p, u),
                                                     together(p, square(q)),
                                                     together(p, q * m),
                                                     pre * w,
                                                     post * w,
                                                     transpose(mean(square(y), {1})) * w,
                                                     hebb * w,
                                                     w};
  for (std::size_t k = 0; k < terms.size(); ++k) probe(kSynapticTerms[k], terms[k]);
  const Var c = merge(coefficients, terms);
  return c * rsqrt(mean(square(c), {0}) + 1.0) + w / 7.0;
}

// b moves towards minus this at rate lambda, [N].
Var bias_change(Var b, Var y, Var coefficients) {
  const Index n = b.shape()[0];
  const Var column = reshape(b, Shape{n, 1});
  const std::array<Var, kSynapticBiasTerms.size()> terms{broadcast_to(b.graph().scalar(1), Shape{n, 1}),
                                                         mean(y, {1}), mean(square(y), {1}), column};
  const Var c = merge(coefficients, terms);
  return reshape(c * rsqrt(mean_all(square(c)) + 0.5), Shape{n});
}

}  // namespace

TensorList SynapticRule::theta_spec() const {
  TensorList list;
  for (const char* layer : {"hidden", "top"}) {
    list.add(fmt::format("{}/weight", layer), {static_cast<std::int64_t>(kSynapticTerms.size())});
    list.add(fmt::format("{}/bias", layer), {static_cast<std::int64_t>(kSynapticBiasTerms.size())});
  }
  return list;
}

std::vector<float> SynapticRule::initial_theta(std::uint64_t seed) const {
  const TensorList spec = theta_spec();
  std::vector<float> theta(static_cast<std::size_t>(spec.size));
  Random random(seed, purpose("synaptic theta"));
  for (float& t : theta) t = static_cast<float>(random.truncated_normal(kInitialDeviation));
  return theta;
}

Phi SynapticRule::step(const Theta& theta, const Phi& phi, Var x, const Probe& probe) const {
  const Activity a = forward(phi, x, c_.activation);
  const std::size_t L = phi.W.size();
  Phi next;
  for (std::size_t l = 1; l <= L; ++l) {
    const Scope scope(x.graph(), fmt::format("synaptic/{}", l));
    const std::string layer = l == L ? "top" : "hidden";
    const Var change = weight_change(
        phi.W[l - 1], a.x[l - 1], a.x[l], a.z[l], theta.at(layer + "/weight"),
        [&](const std::string& term, Var value) { probe(fmt::format("terms/{}/{}", l, term), value); });
    probe(fmt::format("change/{}", l), change);
    const auto towards = [&](Var value, Var goal) {
      return value * (1 - c_.inner_rate) + goal * c_.inner_rate;
    };
    next.W.push_back(towards(phi.W[l - 1], change));
    next.V.push_back(towards(phi.V[l - 1], change));
    next.b.push_back(towards(phi.b[l - 1], -bias_change(phi.b[l - 1], a.x[l], theta.at(layer + "/bias"))));
  }
  return next;
}

extern const UpdateRuleKind kSynaptic{
    .name = "synaptic",
    .method = "synaptic",
    .summary = "sums of products of two neurons' activities, meta-trained: --theta",
    .make = [](const RuleConfig& c) -> std::unique_ptr<UpdateRule> {
      return std::make_unique<SynapticRule>(c);
    },
    .tensor = "hidden/weight"};

}  // namespace metalearn
