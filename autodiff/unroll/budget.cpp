#include "autodiff/unroll/budget.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autodiff/unroll/checkpoint_store.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"
#include "autodiff/unroll/unroll.hpp"

namespace autodiff {

namespace {

// All but the slots.
std::size_t fixed_bytes(Step T, const StepProfile& step) {
  return unroll_fixed_bytes(step.state_size, step.theta_size, step.number_bytes) + step.working_bytes + most_bookkeeping_bytes(T);
}

Schedule best_in_memory(Step T, Slot slots, Slot tape_slots) {
  if (slots >= T - 1 && tape_slots == 0) return store_states(T);
  Schedule s = tape_slots > 0 ? byte_aware(T, slots, tape_slots) : revolve(T, slots);
  return s.tape_slots > 0 && std::all_of(s.actions.begin(), s.actions.end(), [](const Action& a) { return a.kind != Action::Kind::advance; }) ? store_all(T, tape_slots) : s;
}

}  // namespace

std::size_t smallest_memory(Step T, const StepProfile& step) { return fixed_bytes(T, step) + (T > 1 ? slot_bytes(step.state_size, step.number_bytes) : 0); }

UnrollPlan plan_unroll(Step T, const StepProfile& step, const StepCosts& costs, const DiskCosts& disk, const Budget& budget) {
  if (T < 1) throw std::invalid_argument(fmt::format("[plan of an unroll] an unroll has at least one step, found {}", T));
  const std::size_t least = smallest_memory(T, step), fixed = fixed_bytes(T, step), slot = slot_bytes(step.state_size, step.number_bytes);
  if (budget.memory_bytes < least)
    throw BudgetTooSmall(least, fmt::format("an unroll of {} steps does not fit in {} bytes of memory; the smallest budget that works is {} bytes", T, budget.memory_bytes, least));
  const StepSizes sizes{slot, step.tape_size * step.number_bytes};
  const std::size_t room = budget.memory_bytes - fixed;
  const auto slots_in = [&](std::size_t bytes) { return static_cast<Slot>(std::min<std::size_t>(bytes / slot, std::size_t{1} << 40)); };

  UnrollPlan plan;
  std::size_t buffers = 0;
  plan.schedule = best_in_memory(T, slots_in(room), slots_of_tape(step.tape_size, step.state_size, step.number_bytes));
  plan.predicted = simulate(plan.schedule, sizes, costs, disk);

  Slot disk_slots = std::min<Slot>(slots_in(budget.disk_bytes), T - 1);
  if (const std::size_t none = store_bytes(0, slot); room > none) disk_slots = std::min(disk_slots, static_cast<Slot>((room - none) / (store_bytes(1, slot) - none)));
  const std::size_t disk_buffers = store_bytes(disk_slots, slot);
  plan.disk_too_slow = disk_slots > 0 && disk.write_seconds + disk.read_seconds > costs.advance.seconds;
  if (disk_slots > 0 && !plan.disk_too_slow && disk_buffers <= room) {
    Schedule s = two_level(T, slots_in(room - disk_buffers), disk_slots);
    const Simulation predicted = simulate(s, sizes, costs, disk);
    if (predicted.evaluations < plan.predicted.evaluations) plan.schedule = std::move(s), plan.predicted = predicted, buffers = disk_buffers;
  }

  plan.arena_bytes = unroll_fixed_bytes(step.state_size, step.theta_size, step.number_bytes) + plan.predicted.peak_bytes;
  plan.peak_bytes = fixed + plan.predicted.peak_bytes + buffers;
  plan.evaluations_per_step = plan.predicted.evaluations / static_cast<double>(T);
  const auto n = static_cast<double>(T);
  plan.lower_bound_evaluations = n * costs.turn.evaluations + (step.tape_size > 0 ? 0 : (n - 1) * costs.advance.evaluations);
  return plan;
}

}  // namespace autodiff
