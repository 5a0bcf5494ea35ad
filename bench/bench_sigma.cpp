// bench_sigma: useful sizes of the perturbations of evolution strategies: where a difference of objectives
// agrees with the gradient, and where rounding or curvature dominates.
//
// On windows of real tasks (glyphs), with the same directions for every sigma. slope: of (J+ - J-) / 2 sigma
// over its linear prediction, the gradient along the direction: 1 without bias; correlation of the two over
// the pairs: 1 if the difference contains nothing else.
#include <fmt/format.h>

#include <cmath>

#include "bench/program.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/data/sources/load_dataset.hpp"
#include "metalearn/snapshots/trained_theta.hpp"
#include "metalearn/windows/antithetic_pairs.hpp"
#include "metalearn/windows/windowed.hpp"

namespace bench {
namespace {

using namespace metalearn;

/// Sums over the pairs of all tasks: of squares and products of prediction and difference.
struct Sums {
  double pp = 0, pd = 0, dd = 0;
};

void add(const Config& config, std::span<const float> theta, const InFlight& task,
         std::span<const float> gradient, Sums& sums) {
  const AntitheticPairs pairs(config, theta, task);
  std::vector<Particle> particles;
  for (std::size_t p = 0; p < 2 * pairs.count(); ++p) particles.push_back({pairs.theta(p), task.phi});
  ForwardSteps(config).run(task.task, task.age, window_length(config, task), particles, {});
  for (std::size_t pair = 0; pair < pairs.count(); ++pair) {
    double p = 0;
    for (std::size_t i = 0; i < theta.size(); ++i)
      p += static_cast<double>(gradient[i]) * pairs.eps()[pair * theta.size() + i] / config.es_sigma;
    const double d =
        (particles[2 * pair].objective_mean - particles[2 * pair + 1].objective_mean) / (2 * config.es_sigma);
    sums.pp += p * p, sums.pd += p * d, sums.dd += d * d;
  }
}

void run(const std::vector<std::string>& words) {
  const tools::Usage usage{
      "bench_sigma [options]",
      "Compares differences under perturbations of theta with what the gradient "
      "predicts, over the size of the perturbations.",
      {{"theta", "FILE", "of a run or snapshot", "untrained, of the preset small"},
       {"rule", "NAME", fmt::format("of an untrained theta: {}", fmt::join(update_rule_names(), ", ")),
        "metz"},
       {"window", "K", "inner steps", "8"},
       {"tasks", "N", "windows", "4"},
       {"pairs", "N", "of each", "16"},
       {"json", "", "print JSON"}}};
  const auto arguments = tools::parse(usage, words);
  if (!arguments) return;
  Config config = Config::from_preset("small");
  config.set("rule", arguments->find("rule").value_or("metz"));
  std::vector<float> theta;
  if (const auto path = arguments->find("theta")) {
    const TrainedTheta trained = load_trained_theta(*path);
    config = trained.config;
    theta = trained.theta;
  } else {
    theta = initial_theta(config.rule, 1);
  }
  config.window_min = config.window_max = arguments->whole("window", 8, 1, 1000);
  config.es_pairs = arguments->whole("pairs", 16, 1, 100000);
  const TaskDistribution tasks(config.task, {load_dataset("glyph", config.task.load)}, 1);
  Json rows = Json::array();
  Windowed windowed(config);
  std::vector<InFlight> windows;
  std::vector<std::vector<float>> gradients;
  for (std::int64_t id = 0; id < arguments->whole("tasks", 4, 1, 10000); ++id) {
    const Task task = tasks.draw(Role::train, static_cast<std::uint64_t>(id));
    windows.push_back({static_cast<std::uint64_t>(id), task, task.family(), config.window_max, 0,
                       initial_phi(task.widths(), 1, static_cast<std::uint64_t>(id))});
    InFlight moved = windows.back();
    gradients.push_back(windowed.estimate(theta, moved, 0).gradient);
  }
  for (const double sigma : {1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1}) {
    config.es_sigma = sigma;
    Sums sums;
    for (std::size_t i = 0; i < windows.size(); ++i) add(config, theta, windows[i], gradients[i], sums);
    rows.push_back({{"sigma", sigma},
                    {"slope", sums.pd / sums.pp},
                    {"correlation", sums.pd / std::sqrt(sums.pp * sums.dd)}});
  }
  if (arguments->has("json")) return tools::print_json({{"numbers", theta.size()}, {"rows", rows}});
  fmt::print("theta of {} numbers ({}); {} windows of {} steps, {} pairs each\n{:>8}  {:>8}  {:>11}\n",
             theta.size(), config.rule.rule, windows.size(), config.window_max, config.es_pairs, "sigma",
             "slope", "correlation");
  for (const auto& r : rows)
    fmt::print("{:>8g}  {:>8.3f}  {:>11.4f}\n", r["sigma"].get<double>(), r["slope"].get<double>(),
               r["correlation"].get<double>());
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run_program("bench_sigma", argc, argv, bench::run); }
