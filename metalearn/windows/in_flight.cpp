#include "metalearn/windows/in_flight.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <mutex>
#include <stdexcept>

#include <fmt/format.h>

#include "metalearn/base/portable_math.hpp"
#include "metalearn/base/random.hpp"
#include "metalearn/optimise/schedule.hpp"
#include "metalearn/windows/gradient_estimator.hpp"

namespace metalearn {

std::int64_t task_length(const Config& config, std::uint64_t id, std::int64_t update) {
  const std::int64_t limit = length_limit(config, update);
  const double low = portable::log(static_cast<double>(config.length_min)),
               high = portable::log(static_cast<double>(limit) + 1.0);
  const double drawn = portable::exp(Random(config.seed, id, purpose("task length")).uniform(low, high));
  return std::clamp(static_cast<std::int64_t>(drawn), config.length_min, limit);
}

std::int64_t window_length(const Config& config, const InFlight& task) {
  Random random(config.seed, task.id, purpose("window"), task.age);
  return std::min(random.between(config.window_min, config.window_max), task.length - task.age);
}

std::int64_t starting_age(const Config& config, std::uint64_t id, std::int64_t length) {
  return Random(config.seed, id, purpose("starting age"))
      .between(0, std::max<std::int64_t>(0, length - config.window_max));
}

std::vector<std::size_t> participants(const Config& config, std::int64_t update) {
  std::vector<std::size_t> slots;
  for (std::int64_t i = 0; i < config.tasks; ++i)
    slots.push_back(static_cast<std::size_t>((update * config.tasks + i) % config.in_flight));
  return slots;
}

InFlight InFlightPool::begin(std::int64_t update) {
  InFlight task = make_(next_task_++);
  task.age = 0;
  task.length = task_length(config_, task.id, update);
  return task;
}

bool InFlightPool::fill(GradientEstimator& estimator, std::span<const float> theta,
                        const autodiff::Parallel& parallel, const std::function<bool(std::size_t)>& go_on,
                        const Stop& stop, std::vector<std::string>* notes) {
  tasks_.clear();
  for (std::int64_t slot = 0; slot < config_.in_flight; ++slot) tasks_.push_back(begin(0));
  std::mutex mutex;
  std::size_t begun = 0;
  std::vector<std::string> failed(tasks_.size());
  std::atomic<bool> stopped = false;
  const auto may_begin = [&] {
    std::lock_guard lock(mutex);
    if (!stopped && go_on) stopped = !go_on(++begun);
    return !stopped;
  };
  parallel.for_each(tasks_.size(), [&](std::size_t slot) {
    if (!may_begin()) return;
    InFlight moved = tasks_[slot];
    const auto age = starting_age(config_, moved.id, moved.length);
    while (moved.age < age) {
      if (asked(stop)) stopped = true;
      if (stopped) return;
      if (!estimator.advance(theta, moved, std::min(config_.window_max, age - moved.age))) {
        failed[slot] = fmt::format(
            "task {} ({}) should start at age {}, but is not finite after step {}; it starts at age 0",
            moved.id, moved.family, age, moved.age);
        return;
      }
    }
    tasks_[slot] = std::move(moved);
  });
  if (notes)
    std::copy_if(failed.begin(), failed.end(), std::back_inserter(*notes),
                 [](const auto& line) { return !line.empty(); });
  return !stopped;
}

void InFlightPool::restore(std::uint64_t id, std::int64_t length, std::int64_t age, std::vector<float> phi,
                           Particles particles) {
  InFlight task = make_(id);
  if (task.phi.size() != phi.size())
    throw std::invalid_argument(
        fmt::format("phi of in-flight task {} ({}) has {} numbers, but its architecture has {}", id,
                    task.family, phi.size(), task.phi.size()));
  task.length = length;
  task.age = age;
  task.phi = std::move(phi);
  task.particles = std::move(particles);
  tasks_.push_back(std::move(task));
}

void InFlightPool::replace(std::size_t slot, std::int64_t update) { tasks_[slot] = begin(update); }

double InFlightPool::mean_age() const {
  double sum = 0;
  for (const auto& task : tasks_) sum += static_cast<double>(task.age);
  return tasks_.empty() ? 0.0 : sum / static_cast<double>(tasks_.size());
}

}  // namespace metalearn
