#include "metalearn/steps/reference_setup.hpp"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>
#include <utility>

#include "checkpoints/error.hpp"
#include "metalearn/rules/update_rule.hpp"

namespace metalearn {

ReferenceSetup read_reference_setup(const checkpoints::Archive& file) {
  const auto integer = [&](const char* name) { return file.attribute<std::int64_t>("config", name); };
  ReferenceSetup s;
  s.rule.H = integer("compute_h_size");
  s.rule.Q = integer("compute_h_layers");
  s.rule.S = integer("top_delta_size");
  s.rule.P = integer("top_delta_layers");
  s.rule.D = integer("delta_dim");
  s.rule.G = integer("num_grad_channels");
  s.rule.N_L = integer("output_size");
  s.rule.identical_updates = integer("identical_updates") != 0;
  s.rule.inner_rate = file.attribute<double>("config", "inner_lr");
  s.shape.widths = {integer("input_size")};
  for (std::int64_t w : file.attribute<std::vector<std::int64_t>>("config", "hidden_sizes"))
    s.shape.widths.push_back(w);
  s.shape.widths.push_back(s.rule.N_L);
  s.shape.batch = integer("batch");
  s.shape.classes = integer("num_classes");
  s.shape.labels_per_class = integer("samples_per_class");
  s.shape.averages = integer("averages");
  s.steps = integer("steps");
  // Constants of the specification; a file with other constants cannot agree.
  const auto expect = [&](const char* name, auto value) {
    if (const auto* found = file.find_attribute<decltype(value)>("config", name); found && *found != value)
      throw checkpoints::BadData(
          fmt::format("{}: /config {} is {}, but this rule has {}", file.name(), name, *found, value));
  };
  expect("center_y", std::int64_t{1});
  expect("normalize_y_hat", std::int64_t{1});
  expect("base_bn_eps", 1e-6);
  expect("bn_eps", 1e-3);
  expect("normalize_epsilon", 1.0);
  expect("ridge", 0.1);
  // Bounds that keep products of two sizes from overflowing; array sizes are checked when the arrays are
  // read.
  const auto within = [&](const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high)
      throw checkpoints::BadData(
          fmt::format("{}: /config {} is {} (allowed: {} to {})", file.name(), name, value, low, high));
  };
  for (const auto& [name, value] : {std::pair{"compute_h_size", s.rule.H},
                                    {"top_delta_size", s.rule.S},
                                    {"delta_dim", s.rule.D},
                                    {"num_grad_channels", s.rule.G}})
    within(name, value, 1, 65536);
  for (const auto& [name, value] : {std::pair{"compute_h_layers", s.rule.Q}, {"top_delta_layers", s.rule.P}})
    within(name, value, 0, 64);
  within("hidden_sizes' length", static_cast<std::int64_t>(s.shape.widths.size()) - 2, 0, 64);
  for (std::int64_t n : s.shape.widths) within("layer's width", n, 2, 65536);
  within("batch", s.shape.batch, 2, 65536);
  within("num_classes", s.shape.classes, 2, 1024);
  within("samples_per_class", s.shape.labels_per_class, 1, 65536);
  within("averages", s.shape.averages, 1, 65536);
  within("steps", s.steps, 1, 65536);
  if (!std::isfinite(s.rule.inner_rate))
    throw checkpoints::BadData(fmt::format("{}: /config inner_lr is {}", file.name(), s.rule.inner_rate));
  try {
    s.rule.activation = activation_from(file.attribute<std::string>("config", "activation"));
    make_update_rule(s.rule);
  } catch (const std::invalid_argument& e) {
    throw checkpoints::BadData(fmt::format("{}: /config: {}", file.name(), e.what()));
  }
  return s;
}

}  // namespace metalearn
