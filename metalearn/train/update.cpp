#include "metalearn/train/update.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "checkpoints/error.hpp"
#include "metalearn/base/finite.hpp"
#include "metalearn/optimise/adam.hpp"
#include "metalearn/optimise/schedule.hpp"
#include "metalearn/records/evaluation_rows.hpp"
#include "metalearn/records/step_rows.hpp"
#include "metalearn/train/meta_batch.hpp"

namespace metalearn {
namespace {

using Clock = std::chrono::steady_clock;

bool is_due(std::int64_t update, std::int64_t every) { return every > 0 && update % every == 0; }

std::string worst_window(std::span<const GradientEstimate> estimates, std::span<const InFlight> tasks,
                         const MetaBatch& batch) {
  std::optional<std::size_t> worst;
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (!batch.dropped[i] && (!worst || estimates[i].objective_last > estimates[*worst].objective_last))
      worst = i;
  if (!worst) return "all windows were dropped: " + first_text(batch.events, EventKind::dropped);
  return fmt::format("the highest objective is {:.3f}, of task {} ({}) at step {}",
                     estimates[*worst].objective_last, tasks[*worst].id, tasks[*worst].family,
                     tasks[*worst].age);
}

/// One Adam step. If most windows were dropped, theta and the optimiser stay as they are: the remaining
/// gradient is unreliable, and snapshots keep the earlier theta.
void apply(MetaBatch& batch, double rate, const Config& config, UpdateResult& result) {
  RunState& state = result.state;
  const auto dropped = std::count(batch.dropped.begin(), batch.dropped.end(), true);
  state.consecutive_failures = dropped > batch.applied ? state.consecutive_failures + 1 : 0;
  if (batch.applied == 0 || state.consecutive_failures > 0) return;
  clip_norm(batch.gradient, config.clip);
  adam_step({.beta1 = config.adam_beta1, .beta2 = config.adam_beta2, .epsilon = config.adam_epsilon}, rate,
            batch.gradient, state.adam, state.theta, rate_scale(config));
  average_theta(config.theta_average, state.adam.steps, state.theta, state.theta_average);
  if (!all_finite(state.theta))
    throw checkpoints::Diverged(
        fmt::format("theta left the range of float32 at update {}: {}; the newest snapshot is earlier; start "
                    "a new run with a smaller clip or meta-rate",
                    state.update + 1, result.worst_window));
}

/// False if it was stopped.
bool validate(const TrainerParts& parts, const Stop& stop, UpdateResult& result) {
  const auto points = parts.validate(result.state.theta_average, stop);
  for (const auto& point : points) {
    if (!std::isfinite(point.objective) || !std::isfinite(point.accuracy)) {
      result.rows.events.push_back(
          {EventKind::validation,
           fmt::format("validation: the objective is not finite after {} inner steps", point.mark)});
      continue;
    }
    result.rows.metrics.validation.push_back(point);
    result.state.validation.push_back({result.state.update, point});
  }
  return !points.empty();
}

/// False if it was stopped.
bool evaluate(const TrainerParts& parts, const Stop& stop, UpdateResult& result) {
  result.rows.evaluated = parts.evaluate(result.state.theta_average, stop);
  if (result.rows.evaluated.empty()) return false;
  result.rows.events.push_back(evaluation_event(result.state.update, result.rows.evaluated));
  return true;
}

/// Notes, waiting times and rows of inner steps of the windows.
void note_windows(std::span<const GradientEstimate> estimates, std::span<const InFlight> tasks,
                  const MetaBatch& batch, bool telemetry, UpdateResult& result) {
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    for (const auto& note : estimates[i].notes)
      result.rows.events.push_back(
          {EventKind::window, fmt::format("task {} ({}): {}", tasks[i].id, tasks[i].family, note)});
    result.waited_seconds += estimates[i].waited_seconds;
    if (telemetry && !batch.dropped[i])
      result.rows.steps += step_rows(result.state.update, tasks[i], estimates[i]);
  }
}

/// Returns tasks to their slots; finished and dropped ones are replaced by new tasks.
void return_tasks(std::span<const std::size_t> slots, std::span<InFlight> tasks, const MetaBatch& batch,
                  InFlightPool& pool, MetricsRow& row) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const bool done = tasks[i].age >= tasks[i].length;
    row.replaced += !batch.dropped[i] && done;
    if (batch.dropped[i] || done)
      pool.replace(slots[i], row.update);
    else
      pool.tasks()[slots[i]] = std::move(tasks[i]);
  }
  row.mean_age = pool.mean_age();
}

}  // namespace

std::optional<UpdateResult> run_update(const RunState& state, InFlightPool& pool, LocalWindows& windows,
                                       const TrainerParts& parts, const Config& config, const Stop& stop) {
  const auto start = Clock::now();
  const auto slots = participants(config, state.update);
  std::vector<InFlight> tasks;
  for (auto slot : slots) tasks.push_back(pool.tasks()[slot]);
  auto estimates = windows.estimate(state.theta, tasks, state.update, stop);
  if (estimates.empty()) return {};

  UpdateResult result;
  result.state = state;
  MetricsRow& row = result.rows.metrics;
  MetaBatch batch = reduce(estimates, tasks, config.clip_task, row);
  result.rows.events = batch.events;
  result.worst_window = worst_window(estimates, tasks, batch);
  row.rate = meta_rate(config, state.update);
  apply(batch, row.rate, config, result);
  row.update = ++result.state.update;
  row.length_limit = length_limit(config, row.update);

  result.is_validated = parts.validate && is_due(row.update, config.validate_every);
  if (result.is_validated && !validate(parts, stop, result)) return {};
  if (parts.evaluate && is_due(row.update, config.eval_every) && !evaluate(parts, stop, result)) return {};
  note_windows(estimates, tasks, batch, config.telemetry, result);
  return_tasks(slots, tasks, batch, pool, row);
  row.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

}  // namespace metalearn
