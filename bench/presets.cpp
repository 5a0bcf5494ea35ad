#include "bench/presets.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bench/timing.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/base/nearest.hpp"
#include "metalearn/base/random.hpp"

namespace bench {

using namespace metalearn;

namespace {

struct Channels {
  std::int64_t H, S, D, G;
};

Preset make(const std::string& name, Channels c, std::vector<std::int64_t> widths, std::int64_t batch,
            std::int64_t classes = 10, std::int64_t labels_per_class = 10) {
  Preset p{name,
           {.H = c.H, .Q = 1, .S = c.S, .P = 2, .D = c.D, .G = c.G, .N_L = widths.back(), .inner_rate = 1e-4},
           {}};
  p.shape = {.widths = std::move(widths),
             .batch = batch,
             .classes = classes,
             .labels_per_class = labels_per_class,
             .averages = 1};
  return p;
}

std::vector<float> drawn(std::int64_t count, const char* what, double low, double high) {
  Random random(1, purpose(what));
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = static_cast<float>(random.uniform(low, high));
  return values;
}

/// Targets of both batches of a pair: labels cycle through the classes.
std::vector<float> standardised(const StepShape& s) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(s.labelled()));
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i] = static_cast<std::int32_t>(i % static_cast<std::size_t>(s.classes));
  const std::size_t half = labels.size() * static_cast<std::size_t>(s.classes);
  std::vector<float> y(2 * half);
  for (std::size_t first : {std::size_t{0}, half})
    standardise_targets<float>(labels, s.classes, std::span(y).subspan(first, half));
  return y;
}

}  // namespace

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = {
      make("tiny", {16, 16, 8, 4}, {16, 16, 16}, 16, 4, 4),
      make("small", {16, 16, 8, 4}, {196, 32, 32, 32}, 64),
      make("paper", {64, 64, 32, 4}, {196, 128, 128, 128, 128, 32}, 128),
      make("wide", {32, 32, 16, 4}, {196, 1024, 1024, 32}, 128),
  };
  return all;
}

const Preset& find_preset(const std::string& name) {
  const auto found =
      std::find_if(presets().begin(), presets().end(), [&](const Preset& p) { return p.name == name; });
  if (found != presets().end()) return *found;
  std::vector<std::string> names;
  for (const Preset& p : presets()) names.push_back(p.name);
  throw checkpoints::UsageError(fmt::format("--preset: unknown preset '{}' (known: {}){}", name,
                                            fmt::join(names, ", "), did_you_mean(name, names)));
}

double time_compiling(const Preset& preset) {
  return processor_time_once(
      [&] { InnerStep<float>(preset.rule, preset.shape).tape_bytes(); });  // only the compiled plan knows it
}

Turn::Turn(const Preset& p, int kernel_threads)
    : theta_(initial_theta(p.rule, 1)),
      phi_(metalearn::initial_phi(p.shape.widths, 1, 0)),
      x_(drawn(p.shape.widths.front() * p.shape.batch, "x", 0, 1)),
      pair_x_(drawn(p.shape.widths.front() * 2 * p.shape.labelled(), "labelled", 0, 1)),
      targets_(standardised(p.shape)),
      adjoint_next_(drawn(static_cast<std::int64_t>(phi_.size()), "adjoint", -1e-3, 1e-3)),
      adjoint_(phi_.size()),
      contribution_(theta_.size()),
      phi_next_(phi_.size()),
      pairs_{{pair_x_, targets_}},
      step_(p.rule, p.shape, kernel_threads) {}

float Turn::run() { return step_.turn(inputs(), phi_next_, adjoint_, contribution_); }

void Turn::advance(std::span<const float> phi, std::span<float> next) {
  step_.advance(theta_, phi, x_, next);
}

float Turn::reverse(std::span<const float> phi, std::span<float> adjoint) {
  const float J = step_.turn({theta_, phi, x_, pairs_, adjoint}, phi_next_, adjoint_, contribution_);
  std::copy(adjoint_.begin(), adjoint_.end(), adjoint.begin());
  return J;
}

}  // namespace bench
