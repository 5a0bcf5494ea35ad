#include "metalearn/outer/window_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "autodiff/plan/parallel.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/disk_checkpoints.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/byte_count.hpp"
#include "metalearn/outer/step_measurement.hpp"

namespace metalearn {

WindowPlan plan_windows(const Config& config, const StepShape& largest) {
  const std::vector<autodiff::StepProfile> profiles = step_profiles(config.rule, largest);
  const autodiff::Step T = std::min(config.window_max, config.length_max);
  if (const std::size_t least = autodiff::smallest_memory(T, profiles); config.memory < least)
    throw checkpoints::MemoryBudget(fmt::format("a window of {} inner steps does not fit in {} of memory; the smallest budget that works is {} bytes: --memory {}", T,
                                                show_bytes(config.memory), least, least));

  InnerStep<float> step(config.rule, largest);
  autodiff::StepSpeed speed = arithmetic_speed(step);
  autodiff::DiskCosts disk;
  if (config.disk > 0) {
    speed = measure_speed(config.rule, largest, 1);
    disk = checkpoints::measure_disk(checkpoints::posix_file_system(), config.disk_dir, autodiff::slot_bytes(profiles[0].state_size, profiles[0].number_bytes));
  }
  const auto tasks = config.tasks, workers = std::min<std::int64_t>(autodiff::Parallel(config.threads).threads(), tasks);
  std::optional<WindowPlan> best;
  double least_cost = 0;
  for (std::int64_t rounds = tasks; rounds >= 1; --rounds) {  // one window after the other takes least memory
    const std::int64_t at_once = (tasks + rounds - 1) / rounds;
    if (at_once > workers || (best && at_once == best->at_once)) continue;
    const auto n = static_cast<std::size_t>(at_once);
    WindowPlan plan{static_cast<int>(at_once), {config.memory / n, config.disk / n}, 1, T, {}};
    const auto windows = static_cast<double>(n);  // that share the disk
    try {
      plan.longest = autodiff::plan_unroll(T, profiles, speed, {windows * disk.write_seconds, windows * disk.read_seconds}, plan.share);
      plan.sub_segments = kSubSegments[plan.longest.tape];
      if (plan.longest.disk_too_slow) plan.share.disk_bytes = 0;
    } catch (const autodiff::BudgetTooSmall&) {
      break;
    }
    const double cost = static_cast<double>((tasks + at_once - 1) / at_once) * plan.longest.predicted.seconds;
    if (best && cost >= least_cost) continue;
    best = std::move(plan);
    least_cost = cost;
  }
  return *best;
}

std::string to_text(const WindowPlan& plan, const Config& config) {
  const auto& p = plan.longest.predicted;
  const std::string disk = plan.longest.disk_too_slow ? fmt::format(" (the disk of {} is left alone: it is slower than the steps)", config.disk_dir)
                           : p.disk_checkpoints > 0 ? fmt::format(" and {} on disk ({} in {})", p.disk_checkpoints, show_bytes(p.disk_bytes), config.disk_dir) : "";
  const std::string tapes = p.tapes > 0 ? fmt::format(", {} tapes", p.tapes) : "";
  return fmt::format("memory {}: {} of {} windows at a time; the longest, {} steps, by {}: {} states in memory{}{}, {:.3f} evaluations per step, at most {}", show_bytes(config.memory), plan.at_once,
                     config.tasks, plan.window, plan.longest.schedule.name, p.ram_checkpoints, disk, tapes, plan.longest.evaluations_per_step, show_bytes(plan.longest.peak_bytes));
}

}  // namespace metalearn
