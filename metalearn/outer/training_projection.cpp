#include "metalearn/outer/training_projection.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <queue>
#include <vector>

#include "metalearn/outer/in_flight.hpp"
#include "metalearn/outer/step_cache.hpp"
#include "metalearn/outer/step_measurement.hpp"
#include "metalearn/outer/task_batches.hpp"
#include "metalearn/tasks/random.hpp"

namespace metalearn {
namespace {

constexpr std::int64_t kMostCounted = 1'000'000;  // windows

/// As many examples as a task of the most classes needs, of noise.
std::shared_ptr<const Dataset> made_up(const TaskConfig& task) {
  auto set = std::make_shared<Dataset>();
  set->name = "made-up";
  Random random(1, purpose("made-up pictures"));
  ImageSet& images = set->train;
  images.height = images.width = 28;
  images.channels = task.load.colour ? 3 : 1;
  for (int c = 0; c < task.classes_max; ++c) {
    set->class_names.push_back(std::to_string(c));
    images.labels.insert(images.labels.end(), 2 * static_cast<std::size_t>(task.labels_per_class), c);
  }
  images.pixels.resize(images.labels.size() * static_cast<std::size_t>(images.channels) * 28 * 28);
  for (auto& pixel : images.pixels) pixel = static_cast<std::uint8_t>(random.below(256));
  return set;
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

}  // namespace

WindowCount count_windows(const Config& config, std::int64_t workers) {
  std::vector<InFlight> pool;  // which needs no more of a task than its length and age
  std::uint64_t next = 0;
  const auto begin = [&](std::int64_t update) {
    const std::uint64_t id = next++;
    return InFlight{id, Task(nullptr), {}, task_length(config, id, update), 0, {}};
  };
  for (std::int64_t slot = 0; slot < config.in_flight; ++slot) {
    pool.push_back(begin(0));
    pool.back().age = starting_age(config, pool.back().id, pool.back().length);
  }

  WindowCount all, second_half;
  const std::int64_t counted = std::min(config.updates, std::max<std::int64_t>(2, kMostCounted / config.tasks));
  all.is_exact = counted == config.updates;
  for (std::int64_t update = 0; update < counted; ++update) {
    std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> busy_until;
    for (std::int64_t w = 0; w < std::min(workers, config.tasks); ++w) busy_until.push(0);
    std::int64_t steps = 0, critical = 0;
    for (const std::size_t slot : participants(config, update)) {
      InFlight& task = pool[slot];
      const std::int64_t k = window_length(config, task);
      const std::int64_t end = busy_until.top() + k;
      busy_until.pop();
      busy_until.push(end);
      critical = std::max(critical, end);
      steps += k;
      task.age += k;
      if (task.age >= task.length) task = begin(update + 1);
    }
    for (WindowCount* count : {&all, &second_half}) {
      if (count == &second_half && update < counted / 2) continue;
      count->steps += static_cast<double>(steps);
      count->critical += static_cast<double>(critical);
    }
  }
  const double rest = static_cast<double>(config.updates - counted) / static_cast<double>(counted - counted / 2);
  all.steps += rest * second_half.steps;
  all.critical += rest * second_half.critical;
  return all;
}

StepTimes measure_steps(const Config& config, int tasks) {
  const TaskDistribution drawn(config.task, {made_up(config.task)}, config.seed);
  StepTimes mean;
  std::map<StepShape, autodiff::StepSpeed> measured;
  for (int i = 0; i < tasks; ++i) {
    const Task task = drawn.draw(Role::train, static_cast<std::uint64_t>(i));
    const StepShape shape = training_shape(config, task);
    const auto [known, is_new] = measured.try_emplace(shape);
    if (is_new) known->second = measure_speed(config.rule, shape, 1);
    const autodiff::StepSpeed& speed = known->second;
    double unlabelled = 0;
    const double batches = seconds_of_batches(task, shape, unlabelled) + unlabelled;  // the unlabelled one is drawn again for the reverse
    mean.train_seconds += (2 * speed.forward_seconds + speed.reverse_seconds + batches) / tasks;
    mean.validate_seconds += (speed.forward_seconds + unlabelled) / tasks;
    mean.batch_seconds += batches / tasks;
  }
  return mean;
}

double training_seconds(const Config& config, const WindowCount& windows, const StepTimes& times, std::int64_t workers) {
  const double validations = config.validate_every > 0 ? static_cast<double>(config.updates / config.validate_every) : 0.0;
  const double rounds = static_cast<double>((config.validate_tasks + workers - 1) / workers);
  return windows.critical * times.train_seconds + validations * rounds * static_cast<double>(config.validate_steps.back()) * times.validate_seconds;
}

}  // namespace metalearn
