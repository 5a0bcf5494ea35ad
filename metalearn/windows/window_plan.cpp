#include "metalearn/windows/window_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/disk_checkpoints.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/base/byte_count.hpp"
#include "metalearn/steps/budget_share.hpp"
#include "metalearn/steps/step_measurement.hpp"

namespace metalearn {

std::size_t bytes_beside_windows(const Config& config, const autodiff::StepProfile& step) {
  // Four times the content of a snapshot (phi of every in-flight task, theta, its average and moments): the
  // state itself, the copy to save, the bytes to write, and the final read-back. Plus phi, adjoints and
  // gradients of the update's windows, and of compiled steps.
  constexpr std::size_t kCompiled = 8;
  const auto in_flight = static_cast<std::size_t>(config.in_flight),
             tasks = static_cast<std::size_t>(config.tasks);
  const std::size_t snapshot = in_flight * step.state_size + 4 * step.theta_size,
                    window = 2 * step.state_size + step.theta_size;
  return (4 * snapshot + (tasks + kCompiled) * window) * step.number_bytes;
}

WindowPlan plan_windows(const Config& config, std::span<const autodiff::StepProfile> tapes,
                        const autodiff::StepSpeed& speed, std::uint64_t disk) {
  const autodiff::Step T = std::min(config.window_max, config.length_max);
  const std::size_t beside = bytes_beside_windows(config, tapes[0]);
  if (const std::size_t least = beside + autodiff::smallest_memory(T, tapes); config.memory < least)
    throw checkpoints::MemoryBudget(
        fmt::format("a window of {} inner steps does not fit in {} of memory; the smallest budget that works "
                    "is {} bytes: use --memory {}",
                    T, show_bytes(config.memory), least, least));
  const auto planned = [&](const autodiff::Budget& each) {
    return autodiff::plan_unroll(T, tapes, speed, {}, each);
  };
  const auto share = share_budget(config.tasks, config.threads, {config.memory - beside, disk},
                                  [&](const autodiff::Budget& each) -> std::optional<double> {
                                    if (each.memory_bytes < autodiff::smallest_memory(T, tapes)) return {};
                                    return planned(each).predicted.seconds;
                                  });
  WindowPlan plan{share->at_once, share->each, 1, T, planned(share->each)};
  plan.most_bytes = beside + static_cast<std::size_t>(plan.at_once) * plan.longest.peak_bytes;
  plan.sub_segments = kSubSegments[plan.longest.tape];
  return plan;
}

WindowPlan plan_windows(const Config& config, const StepShape& largest) {
  const std::vector<autodiff::StepProfile> tapes = step_profiles(config.rule, largest);
  InnerStep<float> step(config.rule, largest);
  const autodiff::StepSpeed speed = arithmetic_speed(step);
  WindowPlan plan = plan_windows(config, tapes, speed, config.disk);
  if (plan.longest.schedule.disk_slots == 0) return plan;
  const auto disk = checkpoints::measure_disk(
      checkpoints::posix_file_system(), config.disk_dir,
      autodiff::slot_bytes(tapes[0].state_size, tapes[0].number_bytes), config.disk);
  if (plan.at_once * (disk.write_seconds + disk.read_seconds) <=
      measure_speed(config.rule, largest, 1).forward_seconds)
    return plan;
  plan = plan_windows(config, tapes, speed, 0);
  plan.longest.disk_too_slow = true;
  return plan;
}

std::string to_text(const WindowPlan& plan, const Config& config) {
  const auto& p = plan.longest.predicted;
  const std::string disk =
      plan.longest.disk_too_slow
          ? fmt::format(" (the disk of {} is not used: it is slower than the steps)", config.disk_dir)
      : p.disk_checkpoints > 0 ? fmt::format(" and {} on disk ({} in {})", p.disk_checkpoints,
                                             show_bytes(p.disk_bytes), config.disk_dir)
                               : "";
  const std::string tapes = p.tapes > 0 ? fmt::format(", {} tapes", p.tapes) : "";
  return fmt::format(
      "memory {}: {} of {} windows at a time; the longest, {} steps, by {}: {} states in memory{}{}, {:.3f} "
      "evaluations per step, at most {}",
      show_bytes(config.memory), plan.at_once, config.tasks, plan.window, plan.longest.schedule.name,
      p.ram_checkpoints, disk, tapes, plan.longest.evaluations_per_step, show_bytes(plan.most_bytes));
}

}  // namespace metalearn
