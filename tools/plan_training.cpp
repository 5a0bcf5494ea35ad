#include "tools/plan_training.hpp"

#include <fmt/format.h>

#include <thread>

#include "checkpoints/error.hpp"
#include "metalearn/outer/training_projection.hpp"
#include "tools/config_source.hpp"
#include "tools/json.hpp"
#include "tools/options.hpp"
#include "tools/progress.hpp"

namespace tools {
namespace {

using metalearn::Config;

/// The paper's scale (training_and_evaluation.md "Meta-training, scale"), with the tasks and windows of this configuration.
Config paper_scale(Config config) {
  config.updates = 200000;
  config.tasks = 256;
  config.in_flight = std::max(config.in_flight, 2 * config.tasks);
  return config;
}

struct Projection {
  Config config;
  long long machines = 1;
  metalearn::WindowCount windows;
  double seconds = 0;
};

Projection project(const Config& config, const metalearn::StepTimes& times, long long machines, int threads) {
  Projection p{config, machines, metalearn::count_windows(config, machines * threads), 0};
  p.seconds = metalearn::training_seconds(config, p.windows, times, machines * threads);
  return p;
}

std::string days(double seconds) { return seconds < 2 * 86400 ? duration(seconds) : fmt::format("{:.1f} days", seconds / 86400); }

void print_row(const char* what, const Projection& p) {
  const auto updates = static_cast<double>(p.config.updates);
  fmt::print("{:<14}  {:>7}  {:>7}  {:>8}  {:>11.1f}  {:>10.3g}  {:>10}\n", what, p.config.updates, p.config.tasks, p.machines, p.windows.steps / updates / static_cast<double>(p.config.tasks),
             updates / p.seconds, days(p.seconds));
}

Json figures(const Projection& p) {
  return {{"updates", p.config.updates}, {"tasks", p.config.tasks}, {"machines", p.machines}, {"inner_steps", p.windows.steps}, {"counted", p.windows.is_exact},
          {"updates_per_second", number(static_cast<double>(p.config.updates) / p.seconds)}, {"seconds", number(p.seconds)}};
}

}  // namespace

int plan_training(const Words& words) {
  Usage usage{"metalearn plan --training [--preset NAME] [--updates N] [--machines N] [options]",
              "Says how long a training will take on this machine, and one of the paper's scale (200000 updates of 256 windows) on several such machines.",
              {{"training", "", "this, and not the plan of one unroll"},
               {"machines", "N", "machines for the paper's scale; 1 .. 100000", "512"},
               {"json", "", "print JSON"},
               {"config", "FILE", "a configuration, as of train"}}};
  for (auto& option : config_options()) usage.options.push_back(std::move(option));
  usage.notes =
      "Windows are counted as the pool will give them out; the time of an inner step is measured, on drawn architectures and made-up pictures, with one thread. Each update waits for its longest window.\n"
      "Not counted: the start, what threads that share a memory lose, and what machines have to send to each other (a gradient as long as theta, once an update). This program trains on one machine.";
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  const long long machines = arguments->whole("machines", 512, 1, 100000);
  const Config config = resolve_config(*arguments, {"training", "machines", "json"});
  if (config.estimator != "windowed") throw checkpoints::UsageError(fmt::format("--estimator {} can't be projected: the steps that are timed are those of back-propagation; leave it out", config.estimator));
  const int threads = config.threads > 0 ? config.threads : static_cast<int>(std::thread::hardware_concurrency());

  const auto times = metalearn::measure_steps(config);
  const Projection here = project(config, times, 1, threads);
  const Projection paper_here = project(paper_scale(config), times, 1, threads), paper = project(paper_scale(config), times, machines, threads);
  if (arguments->has("json")) {
    print_json({{"preset", config.preset}, {"threads", threads}, {"step_seconds", number(times.train_seconds)}, {"batch_seconds", number(times.batch_seconds)},
                {"validation_step_seconds", number(times.validate_seconds)}, {"training", figures(here)}, {"paper_scale", {figures(paper_here), figures(paper)}}});
    return 0;
  }
  fmt::print("preset {}: an inner step of a window takes {:.2f} ms on one thread, {:.2f} ms of it for batches; of a validation {:.2f} ms; {} threads a machine\n\n", config.preset,
             1e3 * times.train_seconds, 1e3 * times.batch_seconds, 1e3 * times.validate_seconds, threads);
  fmt::print("{:<14}  {:>7}  {:>7}  {:>8}  {:>11}  {:>10}  {:>10}\n", "", "updates", "windows", "machines", "steps each", "updates/s", "time");
  print_row("this training", here);
  print_row("paper's scale", paper_here);
  if (machines > 1) print_row("paper's scale", paper);
  return 0;
}

}  // namespace tools
