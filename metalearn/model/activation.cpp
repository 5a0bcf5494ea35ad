#include "metalearn/model/activation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "autodiff/ops/elementwise.hpp"

namespace metalearn {

namespace {
constexpr std::array<std::pair<Activation, const char*>, 9> kNames{{{Activation::relu, "relu"},
                                                                    {Activation::tanh, "tanh"},
                                                                    {Activation::sigmoid, "sigmoid"},
                                                                    {Activation::elu, "elu"},
                                                                    {Activation::softplus, "softplus"},
                                                                    {Activation::leaky_relu, "leaky_relu"},
                                                                    {Activation::swish, "swish"},
                                                                    {Activation::identity, "identity"},
                                                                    {Activation::step, "step"}}};
constexpr double kLeakySlope = 0.2;
}  // namespace

Activation activation_from(const std::string& name) {
  std::string known;
  for (const auto& [a, n] : kNames) {
    if (name == n) return a;
    known += (known.empty() ? "" : ", ") + std::string(n);
  }
  throw std::invalid_argument(fmt::format("unknown activation '{}'; known: {}", name, known));
}

std::string to_string(Activation a) {
  for (const auto& [activation, name] : kNames)
    if (activation == a) return name;
  throw std::invalid_argument("not an activation");
}

const std::vector<std::string>& activation_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [activation, name] : kNames) all.emplace_back(name);
    return all;
  }();
  return names;
}

autodiff::Var activate(autodiff::Var z, Activation a) {
  switch (a) {
    case Activation::relu:
      return autodiff::relu(z);
    case Activation::tanh:
      return autodiff::tanh(z);
    case Activation::sigmoid:
      return autodiff::sigmoid(z);
    case Activation::elu:
      return autodiff::elu(z);
    case Activation::softplus:
      return autodiff::softplus(z);
    case Activation::leaky_relu:
      return autodiff::leaky_relu(z, kLeakySlope);
    case Activation::swish:
      return autodiff::swish(z);
    case Activation::identity:
      return z;
    case Activation::step:
      return autodiff::step(z);
  }
  throw std::invalid_argument("not an activation");
}

}  // namespace metalearn
