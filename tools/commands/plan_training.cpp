#include "tools/commands/plan_training.hpp"

#include <fmt/format.h>

#include "autodiff/parallel/processors.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/analysis/training_projection.hpp"
#include "metalearn/base/byte_count.hpp"
#include "metalearn/data/sources/load_dataset.hpp"
#include "metalearn/steps/step_measurement.hpp"
#include "metalearn/windows/window_plan.hpp"
#include "tools/cli/config_source.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/progress.hpp"
#include "tools/cli/say.hpp"

namespace tools {
namespace {

using metalearn::Config;

/// The paper's scale (its appendix on meta-training: about 200 thousand updates of 256 windows on 512
/// workers), with the tasks and windows of this configuration.
Config paper_scale(Config config) {
  config.updates = 200000;
  config.tasks = 256;
  config.in_flight = std::max(config.in_flight, 2 * config.tasks);
  return config;
}

/// What a training costs here, independent of its number of updates and windows.
struct Cost {
  metalearn::StepTimes times;
  std::vector<double> evaluation_steps;  ///< seconds, for each set of eval-data
  double evaluations = 2;                ///< of a forward step, within the memory budget
  int at_once = 1;                       ///< windows at the same time on one machine
};

Cost cost_of(const Config& config, int threads) {
  const auto load = [&](const std::vector<std::string>& words) {
    std::vector<std::shared_ptr<const metalearn::Dataset>> sets;
    for (const auto& word : words) sets.push_back(metalearn::load_dataset(word, config.task.load));
    return sets;
  };
  const metalearn::TaskDistribution tasks(config.task, load(config.data), config.seed);
  Cost cost;
  cost.at_once = threads;
  if (config.memory > 0) {
    Config here = config;
    here.threads = threads;
    const auto plan = metalearn::plan_windows(
        here, metalearn::largest_shape(config, tasks.most_inputs(), tasks.most_classes()));
    cost.at_once = plan.at_once;
    cost.evaluations = plan.longest.evaluations_per_step;
  }
  cost.times = metalearn::measure_steps(config, tasks);
  if (config.eval_every > 0)
    cost.evaluation_steps = metalearn::measure_evaluations(config, load(config.eval_data));
  return cost;
}

struct Projection {
  Config config;
  long long machines = 1;
  double steps = 0, seconds = 0;
  metalearn::WindowCount windows;
};

/// For each number of machines.
std::vector<Projection> project(const Config& config, const Cost& cost,
                                const std::vector<long long>& machines) {
  std::vector<std::int64_t> workers;
  for (const auto m : machines) workers.push_back(m * cost.at_once);
  const auto windows = metalearn::count_windows(config, workers);
  std::vector<Projection> projections;
  for (std::size_t i = 0; i < machines.size(); ++i)
    projections.push_back({config, machines[i], windows.steps,
                           metalearn::training_seconds(config, windows.critical[i], cost.times,
                                                       cost.evaluations, cost.evaluation_steps, workers[i]),
                           windows});
  return projections;
}

std::string days(double seconds) {
  return seconds < 2 * 86400 ? duration(seconds) : fmt::format("{:.1f} days", seconds / 86400);
}

void print_row(const char* what, const Projection& p) {
  const auto updates = static_cast<double>(p.config.updates);
  say("{:<14}  {:>7}  {:>7}  {:>8}  {:>11.1f}  {:>10.3g}  {:>10}\n", what, p.config.updates, p.config.tasks,
      p.machines, p.steps / updates / static_cast<double>(p.config.tasks), updates / p.seconds,
      days(p.seconds));
}

Json figures(const Projection& p) {
  return {{"updates", p.config.updates},
          {"tasks", p.config.tasks},
          {"machines", p.machines},
          {"inner_steps", p.steps},
          {"counted", p.windows.like == 0},
          {"counted_updates", p.windows.counted},
          {"updates_per_second", number(static_cast<double>(p.config.updates) / p.seconds)},
          {"seconds", number(p.seconds)}};
}

void print_extrapolated(const Projection& p) {
  if (p.windows.like > 0)
    say("of {} updates {} were counted; the rest are assumed to be like the last {} of these\n",
        p.config.updates, p.windows.counted, p.windows.like);
}

}  // namespace

int plan_training(const Words& words) {
  Usage usage{"metalearn plan --training [--preset NAME] [--updates N] [--machines N] [options]",
              "Estimates how long a training takes on this machine, and one at the paper's scale (200000 "
              "updates of 256 windows) on several such machines.",
              {{"training", "", "plan a training instead of one unroll"},
               {"machines", "N", "number of machines at the paper's scale; 1 .. 100000", "512"},
               {"json", "", "print JSON"},
               {"config", "FILE", "a configuration file, as for train"}}};
  for (auto& option : config_options()) usage.options.push_back(std::move(option));
  usage.notes =
      "Windows are counted as the pool will assign them; an inner step is timed with one thread on tasks "
      "drawn as in training. Each update waits for its longest window. With --memory, the plan\n"
      "for the longest window sets the number of windows at the same time and the evaluations of each step; "
      "at the paper's scale the same holds on each machine.\n"
      "Not counted: start-up, the heads of validations and evaluations, waiting for the disk, slowdown of "
      "threads that share memory, and communication between machines (a gradient of theta's\n"
      "size per update). This program trains on one machine.";
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  const long long machines = arguments->whole("machines", 512, 1, 100000);
  const Config config = resolve_config(*arguments, {"training", "machines", "json"});
  if (config.estimator != "windowed")
    throw checkpoints::UsageError(
        fmt::format("--estimator {} cannot be projected: only steps of back-propagation are timed (allowed: "
                    "windowed); leave it out",
                    config.estimator));
  const int threads = config.threads > 0 ? config.threads : autodiff::usable_processors();

  const Cost cost = cost_of(config, threads);
  const Projection here = project(config, cost, {1}).front();
  const std::vector<Projection> paper =
      project(paper_scale(config), cost,
              machines > 1 ? std::vector<long long>{1, machines} : std::vector<long long>{1});
  const double train_seconds = cost.times.train_seconds(cost.evaluations),
               batch_seconds =
                   cost.times.batch_seconds + (cost.evaluations - 1) * cost.times.unlabelled_seconds;
  if (arguments->has("json")) {
    Json json = {{"preset", config.preset},
                 {"threads", threads},
                 {"windows_at_once", cost.at_once},
                 {"evaluations_per_step", number(cost.evaluations)},
                 {"step_seconds", number(train_seconds)},
                 {"batch_seconds", number(batch_seconds)},
                 {"validation_step_seconds", number(cost.times.validate_seconds())},
                 {"training", figures(here)},
                 {"paper_scale", Json::array()}};
    for (const auto& p : paper) json["paper_scale"].push_back(figures(p));
    print_json(json);
    return 0;
  }
  say("preset {}: on one thread an inner step takes {:.2f} ms in a window ({:.2f} ms of it for batches) and "
      "{:.2f} ms in a validation; {} windows at the same time per machine\n",
      config.preset, 1e3 * train_seconds, 1e3 * batch_seconds, 1e3 * cost.times.validate_seconds(),
      cost.at_once);
  if (config.memory > 0)
    say("memory {}: each step is computed forward {:.2f} times\n", metalearn::show_bytes(config.memory),
        cost.evaluations);
  say("\n");
  say("{:<14}  {:>7}  {:>7}  {:>8}  {:>11}  {:>10}  {:>10}\n", "", "updates", "windows", "machines",
      "steps each", "updates/s", "time");
  print_row("this training", here);
  for (const auto& p : paper) print_row("paper's scale", p);
  print_extrapolated(here);
  print_extrapolated(paper.front());
  return 0;
}

}  // namespace tools
