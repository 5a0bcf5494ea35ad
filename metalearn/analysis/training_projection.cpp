#include "metalearn/analysis/training_projection.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>
#include <queue>
#include <utility>

#include "metalearn/evaluate/few_shot.hpp"
#include "metalearn/steps/step_cache.hpp"
#include "metalearn/steps/step_measurement.hpp"
#include "metalearn/steps/task_batches.hpp"
#include "metalearn/windows/in_flight.hpp"

namespace metalearn {
namespace {

constexpr std::int64_t kMostCounted = 8'000'000;  // windows
constexpr int kMostTasks = 64;

/// The update after which no in-flight task began while lengths still grew: a task of length L has at most L
/// / window-min windows plus the last, one every in-flight / tasks updates.
std::int64_t settled_from(const Config& config) {
  const std::int64_t windows = config.length_max / config.window_min + 1;
  return config.length_horizon + windows * (config.in_flight + config.tasks - 1) / config.tasks;
}

/// How many updates to count, and how many of the last of them represent the rest.
std::pair<std::int64_t, std::int64_t> stretch(const Config& config) {
  const std::int64_t most = std::max<std::int64_t>(2, kMostCounted / config.tasks),
                     settled = settled_from(config);
  if (config.updates <= most) return {config.updates, 0};
  const std::int64_t like = std::max<std::int64_t>(1000, 2 * (settled - config.length_horizon));
  if (settled + like <= most) return {settled + like, like};
  return {most, most / 2};
}

double seconds_of_batches(const Task& task, const StepShape& shape, double& unlabelled) {
  using Clock = std::chrono::steady_clock;
  TaskBatches<float> batches(task, shape);
  batches.unlabelled(0), batches.labelled(0);  // touches the memory
  const auto before = Clock::now();
  batches.unlabelled(1);
  const auto between = Clock::now();
  batches.labelled(1);
  unlabelled = std::chrono::duration<double>(between - before).count();
  return unlabelled + std::chrono::duration<double>(Clock::now() - between).count();
}

/// Steps of the busiest of this many workers.
std::int64_t longest(const std::vector<std::int64_t>& windows, std::int64_t workers) {
  std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> busy_until;
  std::int64_t end = 0;
  for (const std::int64_t k : windows) {
    std::int64_t free = 0;
    if (static_cast<std::int64_t>(busy_until.size()) == workers) free = busy_until.top(), busy_until.pop();
    busy_until.push(free + k);
    end = std::max(end, free + k);
  }
  return end;
}

}  // namespace

WindowCount count_windows(const Config& config, std::span<const std::int64_t> workers) {
  std::vector<InFlight> pool;  // only lengths and ages of the tasks matter
  std::uint64_t next = 0;
  const auto begin = [&](std::int64_t update) {
    const std::uint64_t id = next++;
    return InFlight{id, Task(nullptr), {}, task_length(config, id, update), 0, {}};
  };
  for (std::int64_t slot = 0; slot < config.in_flight; ++slot) {
    pool.push_back(begin(0));
    pool.back().age = starting_age(config, pool.back().id, pool.back().length);
  }

  const auto [counted, like] = stretch(config);
  WindowCount all{0, std::vector<double>(workers.size()), counted, like};
  WindowCount last = all;
  for (std::int64_t update = 0; update < counted; ++update) {
    std::vector<std::int64_t> windows;
    for (const std::size_t slot : participants(config, update)) {
      InFlight& task = pool[slot];
      windows.push_back(window_length(config, task));
      task.age += windows.back();
      if (task.age >= task.length) task = begin(update + 1);
    }
    const double steps =
        static_cast<double>(std::accumulate(windows.begin(), windows.end(), std::int64_t{0}));
    for (WindowCount* count : {&all, &last}) {
      if (count == &last && update < counted - like) continue;
      count->steps += steps;
      for (std::size_t w = 0; w < workers.size(); ++w)
        count->critical[w] += workers[w] == 1 ? steps : static_cast<double>(longest(windows, workers[w]));
    }
  }
  if (like == 0) return all;
  const double rest = static_cast<double>(config.updates - counted) / static_cast<double>(like);
  all.steps += rest * last.steps;
  for (std::size_t w = 0; w < workers.size(); ++w) all.critical[w] += rest * last.critical[w];
  return all;
}

StepTimes measure_steps(const Config& config, const TaskDistribution& tasks, int least, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  StepTimes sum;
  std::map<StepShape, autodiff::StepSpeed> measured;
  int n = 0;
  for (;
       n < least || (n < kMostTasks && std::chrono::duration<double>(Clock::now() - start).count() < seconds);
       ++n) {
    const Task task = tasks.draw(Role::train, static_cast<std::uint64_t>(n));
    const StepShape shape = training_shape(config, task);
    const auto [known, is_new] = measured.try_emplace(shape);
    if (is_new) known->second = measure_speed(config.rule, shape, 1);
    double unlabelled = 0;
    sum.batch_seconds += seconds_of_batches(task, shape, unlabelled);
    sum.unlabelled_seconds += unlabelled;
    sum.forward_seconds += known->second.forward_seconds;
    sum.reverse_seconds += known->second.reverse_seconds;
  }
  for (double* mean :
       {&sum.forward_seconds, &sum.reverse_seconds, &sum.batch_seconds, &sum.unlabelled_seconds})
    *mean /= n;
  return sum;
}

std::vector<double> measure_evaluations(const Config& config,
                                        std::span<const std::shared_ptr<const Dataset>> sets) {
  std::vector<double> seconds;
  for (const auto& set : sets) {
    StepShape shape;
    shape.widths = {set->train.inputs(config.task.resolution)};
    for (const auto units : FewShotOptions{}.hidden) shape.widths.push_back(units);
    shape.widths.push_back(config.rule.N_L);
    shape.batch = config.batch;
    seconds.push_back(measure_speed(config.rule, shape, 1).forward_seconds);
  }
  return seconds;
}

double training_seconds(const Config& config, double critical, const StepTimes& times, double evaluations,
                        std::span<const double> evaluation_steps, std::int64_t workers) {
  const auto rounds = [&](std::int64_t jobs) { return static_cast<double>((jobs + workers - 1) / workers); };
  const double validations =
      config.validate_every > 0 ? static_cast<double>(config.updates / config.validate_every) : 0.0;
  double seconds = critical * times.train_seconds(evaluations) +
                   validations * rounds(config.validate_tasks) *
                       static_cast<double>(config.validate_steps.back()) * times.validate_seconds();
  if (config.eval_every == 0) return seconds;
  for (const double step : evaluation_steps)
    seconds += static_cast<double>(config.updates / config.eval_every) * rounds(config.eval_seeds) *
               static_cast<double>(config.eval_steps.back()) * step;
  return seconds;
}

}  // namespace metalearn
