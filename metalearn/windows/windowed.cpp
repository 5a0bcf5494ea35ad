#include "metalearn/windows/windowed.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "autodiff/unroll/schedules/schedules.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/disk_checkpoints.hpp"
#include "metalearn/base/finite.hpp"
#include "metalearn/steps/inner_segment.hpp"
#include "metalearn/steps/step_measurement.hpp"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace metalearn {
namespace {

// Compiled steps kept within a memory budget; each takes a few hundred kilobytes.
constexpr std::size_t kIdleSteps = 4;

// Compiling a step leaves tens of megabytes of freed memory, which malloc keeps: together with the arenas it
// would exceed the budget.
void return_free_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace

Windowed::Windowed(const Config& config, int kernel_threads, const autodiff::Budget& share,
                   checkpoints::FileSystem& files, int sub_segments)
    : config_(config),
      share_(share),
      files_(files),
      sub_segments_(sub_segments),
      steps_(config, kernel_threads, share.memory_bytes > 0 ? kIdleSteps : StepCache::kIdleSteps,
             sub_segments) {}

autodiff::Schedule Windowed::schedule_of(InnerStep<float>& step, autodiff::Step k) const {
  if (share_.memory_bytes == 0) return autodiff::store_states(k);
  try {
    return autodiff::plan_unroll(k, step_profile(step), {}, {}, share_).schedule;
  } catch (const autodiff::BudgetTooSmall& e) {
    throw checkpoints::MemoryBudget(fmt::format("{} for one window; raise memory", e.what()));
  }
}

void Windowed::forget_progress() {
  if (journals_) journals_->remove_all();
}

GradientEstimate Windowed::estimate(std::span<const float> theta, InFlight& task, std::int64_t update,
                                    const Stop& stop) {
  // Compiling and planning need memory for a moment, and arenas of other shapes have other sizes: within a
  // budget, keep nothing meanwhile.
  if (share_.memory_bytes > 0) release_memory();
  auto step = steps_.borrow(task.task);
  const std::int64_t k = window_length(config_, task);
  InnerSegment segment(*step, theta, task.task, task.age, k);
  if (share_.memory_bytes > 0) segment.keep_within_working_bytes();
  std::vector<float> phi = task.phi, adjoint(phi.size(), 0.0f);

  GradientEstimate result;
  result.gradient.assign(theta.size(), 0.0f);
  result.steps = k;
  const autodiff::Schedule schedule = schedule_of(*step, k);
  if (share_.memory_bytes > 0) return_free_memory();
  std::optional<checkpoints::DiskCheckpoints> disk;
  if (schedule.disk_slots > 0)
    disk.emplace(files_, config_.disk_dir, schedule.disk_slots, std::as_bytes(std::span(phi)).size());
  const auto journal = journals_ ? journals_->open(theta, task, update, schedule) : nullptr;
  try {
    autodiff::Arena arena = arenas_.take();
    auto telemetry = autodiff::unroll<float>(segment, schedule, phi, adjoint, result.gradient, arena,
                                             disk ? &*disk : nullptr, journal.get(), stop);
    arenas_.give_back(std::move(arena));
    result.adjoint_norm = std::move(telemetry.adjoint_norm);
    result.contribution_norm = std::move(telemetry.contribution_norm);
    result.waited_seconds = telemetry.waited_seconds;
    if (telemetry.went_on) result.notes.push_back("resumed inside its window, where it was interrupted");
    if (journal && !journal->passed_over().empty())
      result.notes.push_back(fmt::format(
          "its saved window progress was skipped ({}): the window started again", journal->passed_over()));
  } catch (const NotFinite& e) {
    return GradientEstimate::failed(e.step, e.what(), e.op);
  } catch (const autodiff::RecomputationMismatch&) {
    if (journal) journal->remove();  // the journal may hold the wrong state: start the window again
    throw;
  }
  if (journal && !journal->failure().empty() && !is_failure_told_.exchange(true))
    result.notes.push_back(
        fmt::format("cannot save window progress, training continues without it: {}", journal->failure()));
  // The sum of finite contributions may overflow a float.
  if (!all_finite(result.gradient))
    return GradientEstimate::failed(
        task.age, "the gradient, " + first_not_finite(theta_spec(config_.rule), result.gradient));
  const float share = 1.0f / static_cast<float>(k);
  for (float& g : result.gradient) g *= share;
  result.objective_first = segment.objective(0);
  result.objective_last = segment.objective(k - 1);
  task.phi = std::move(phi);
  task.age += k;
  return result;
}

}  // namespace metalearn
