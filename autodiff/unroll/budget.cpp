#include "autodiff/unroll/budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "autodiff/unroll/checkpoint_store.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"
#include "autodiff/unroll/unroll.hpp"

namespace autodiff {

namespace {

// Searching a schedule of many steps with tapes takes a noticeable part of a second. It is skipped for tapes
// that leave much to recompute: they are for small memory, where hardly any tape fits.
constexpr Step kManySteps = 512;
constexpr double kMuch = 0.3;  // evaluations
std::size_t tape_size_of(Step T, const StepProfile& step) {
  return T > kManySteps && step.recomputed > kMuch ? 0 : step.tape_size;
}

// Everything except the slots.
std::size_t fixed_bytes(Step T, const StepProfile& step) {
  return unroll_fixed_bytes(step.state_size, step.theta_size, step.number_bytes) + step.working_bytes +
         most_bookkeeping_bytes(T);
}

Schedule best_in_memory(Step T, Slot slots, Slot tape_slots) {
  if (tape_slots == 0) return slots >= T - 1 ? store_states(T) : revolve(T, slots);
  Schedule s = byte_aware(T, slots, tape_slots);
  const auto has = [&](Action::Kind kind) {
    return std::any_of(s.actions.begin(), s.actions.end(), [=](const Action& a) { return a.kind == kind; });
  };
  if (!has(Action::Kind::record)) return best_in_memory(T, slots, 0);  // no tape fits
  return has(Action::Kind::advance) ? s : store_all(T, tape_slots);
}

std::size_t least_bytes(Step T, const StepProfile& step) {
  return fixed_bytes(T, step) + (T > 1 ? slot_bytes(step.state_size, step.number_bytes) : 0);
}

Slot slots_in(std::size_t bytes, std::size_t slot) {
  return static_cast<Slot>(std::min<std::size_t>(bytes / slot, std::size_t{1} << 40));
}

// A lower bound for every schedule: the first sweep runs every step forward, and every step whose tape is not
// kept runs once more.
double least_evaluations(Step T, const StepProfile& step, std::size_t memory_bytes) {
  const Slot rho = slots_of_tape(step.tape_size, step.state_size, step.number_bytes);
  const std::size_t fixed = fixed_bytes(T, step);
  const Step tapes =
      rho == 0 || memory_bytes < fixed
          ? 0
          : slots_in(memory_bytes - fixed, slot_bytes(step.state_size, step.number_bytes)) / rho;
  return static_cast<double>(T) * (1 + step.recomputed) +
         static_cast<double>(std::max<Step>(0, T - 1 - tapes));
}

// With one tape. REQUIRES least_bytes() to fit.
UnrollPlan plan_with(Step T, const StepProfile& step, const StepSpeed& speed, const DiskCosts& disk,
                     const Budget& budget) {
  const std::size_t fixed = fixed_bytes(T, step), slot = slot_bytes(step.state_size, step.number_bytes),
                    room = budget.memory_bytes - fixed;
  const StepCosts costs = step_costs(step, speed);
  const StepSizes sizes{slot, step.tape_size * step.number_bytes};

  UnrollPlan plan;
  std::size_t buffers = 0;
  plan.schedule = best_in_memory(T, slots_in(room, slot),
                                 slots_of_tape(step.tape_size, step.state_size, step.number_bytes));
  plan.predicted = simulate(plan.schedule, sizes, costs, disk);

  Slot disk_slots = std::min<Slot>(slots_in(budget.disk_bytes, slot), T - 1);
  if (const std::size_t none = store_bytes(0, slot); room > none)
    disk_slots = std::min(disk_slots, static_cast<Slot>((room - none) / (store_bytes(1, slot) - none)));
  const std::size_t disk_buffers = store_bytes(disk_slots, slot);
  plan.disk_too_slow = disk_slots > 0 && disk.write_seconds + disk.read_seconds > costs.advance.seconds;
  if (disk_slots > 0 && !plan.disk_too_slow && disk_buffers <= room) {
    Schedule s = two_level(T, slots_in(room - disk_buffers, slot), disk_slots);
    const Simulation predicted = simulate(s, sizes, costs, disk);
    if (predicted.evaluations < plan.predicted.evaluations)
      plan.schedule = std::move(s), plan.predicted = predicted, buffers = disk_buffers;
  }

  plan.arena_bytes =
      unroll_fixed_bytes(step.state_size, step.theta_size, step.number_bytes) + plan.predicted.peak_bytes;
  plan.peak_bytes = fixed + plan.predicted.peak_bytes + buffers;
  plan.evaluations_per_step = plan.predicted.evaluations / static_cast<double>(T);
  return plan;
}

}  // namespace

StepCosts step_costs(const StepProfile& step, const StepSpeed& speed) {
  const double f = speed.forward_seconds, again = step.recomputed, back = speed.reverse_seconds + again * f;
  return {{f, 1}, {f, 1}, {back, again}, {f + back, 1 + again}};
}

std::size_t smallest_memory(Step T, std::span<const StepProfile> tapes) {
  std::size_t least = least_bytes(T, tapes.front());
  for (const StepProfile& step : tapes) least = std::min(least, least_bytes(T, step));
  return least;
}

UnrollPlan plan_unroll(Step T, std::span<const StepProfile> tapes, const StepSpeed& speed,
                       const DiskCosts& disk, const Budget& budget) {
  if (T < 1)
    throw std::invalid_argument(
        fmt::format("[plan of an unroll] an unroll needs at least one step: found {}", T));
  if (const std::size_t least = smallest_memory(T, tapes); budget.memory_bytes < least)
    throw BudgetTooSmall(least, fmt::format("an unroll of {} steps does not fit in {} bytes of memory; the "
                                            "smallest budget that works is {} bytes",
                                            T, budget.memory_bytes, least));
  std::optional<UnrollPlan> best;
  double lower_bound = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < tapes.size(); ++i) {
    lower_bound =
        std::min(lower_bound, least_evaluations(T, tapes[i], std::numeric_limits<std::size_t>::max()));
    StepProfile step = tapes[i];
    step.tape_size = tape_size_of(T, step);
    if (least_bytes(T, step) > budget.memory_bytes ||
        (best && least_evaluations(T, step, budget.memory_bytes) >= best->predicted.evaluations))
      continue;
    UnrollPlan plan = plan_with(T, step, speed, disk, budget);
    if (best && plan.predicted.evaluations >= best->predicted.evaluations) continue;
    best = std::move(plan);
    best->tape = i;
  }
  best->lower_bound_evaluations = lower_bound;
  return *std::move(best);
}

}  // namespace autodiff
