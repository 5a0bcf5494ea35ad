#include "metalearn/outer/window_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "checkpoints/error.hpp"
#include "metalearn/byte_count.hpp"
#include "metalearn/outer/budget_share.hpp"
#include "metalearn/outer/step_measurement.hpp"

namespace metalearn {

WindowPlan plan_windows(const Config& config, const StepShape& largest) {
  InnerStep<float> step(config.rule, largest);
  const autodiff::StepProfile profile = step_profile(step);
  const autodiff::StepCosts costs = step_costs(step);
  const autodiff::Step T = std::min(config.window_max, config.length_max);
  if (const std::size_t least = autodiff::smallest_memory(T, profile); config.memory < least)
    throw checkpoints::MemoryBudget(fmt::format("a window of {} inner steps does not fit in {} of memory; the smallest budget that works is {} bytes: --memory {}", T,
                                                show_bytes(config.memory), least, least));

  const auto planned = [&](const autodiff::Budget& each) { return autodiff::plan_unroll(T, profile, costs, {}, each); };
  const auto share = share_budget(config.tasks, config.threads, {config.memory, config.disk}, [&](const autodiff::Budget& each) -> std::optional<double> {
    if (each.memory_bytes < autodiff::smallest_memory(T, profile)) return {};
    return planned(each).predicted.seconds;
  });
  return {share->at_once, share->each, T, planned(share->each)};
}

std::string to_text(const WindowPlan& plan, const Config& config) {
  const auto& p = plan.longest.predicted;
  const std::string disk = p.disk_checkpoints > 0 ? fmt::format(" and {} on disk ({} in {})", p.disk_checkpoints, show_bytes(p.disk_bytes), config.disk_dir) : "";
  const std::string tapes = p.tapes > 0 ? fmt::format(", {} tapes", p.tapes) : "";
  return fmt::format("memory {}: {} of {} windows at a time; the longest, {} steps, by {}: {} states in memory{}{}, {:.3f} evaluations per step, at most {}", show_bytes(config.memory), plan.at_once,
                     config.tasks, plan.window, plan.longest.schedule.name, p.ram_checkpoints, disk, tapes, plan.longest.evaluations_per_step, show_bytes(plan.longest.peak_bytes));
}

}  // namespace metalearn
