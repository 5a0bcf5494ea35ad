#include "metalearn/outer/windowed.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <tuple>
#include <utility>

#include "autodiff/unroll/schedules/schedules.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/disk_checkpoints.hpp"
#include "metalearn/outer/adam.hpp"
#include "metalearn/outer/inner_segment.hpp"
#include "metalearn/outer/step_measurement.hpp"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace metalearn {
namespace {

// Compiling a step leaves tens of megabytes of freed memory behind, which malloc keeps: with the arenas, it would be more than the budget.
void return_free_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace

Windowed::Windowed(const Config& config, int kernel_threads, const autodiff::Budget& share, checkpoints::FileSystem& files)
    : config_(config), share_(share), files_(files), steps_(config.rule, kernel_threads) {}

StepShape Windowed::shape_of(const Task& task) const {
  return {task.widths(), config_.batch, task.classes(), config_.task.labels_per_class, config_.averages};
}

autodiff::Schedule Windowed::schedule_of(InnerStep<float>& step, autodiff::Step k) const {
  if (share_.memory_bytes == 0) return autodiff::store_states(k);
  try {
    return autodiff::plan_unroll(k, step_profile(step), step_costs(step), {}, share_).schedule;
  } catch (const autodiff::BudgetTooSmall& e) {
    throw checkpoints::MemoryBudget(fmt::format("{} for one window; raise memory", e.what()));
  }
}

// The window there and back, or what is left of it. phi: of its beginning, in the end of its end.
void Windowed::reverse(InnerStep<float>& step, InnerSegment& segment, const InFlight& task, std::int64_t update, std::int64_t k, std::span<const float> theta, std::vector<float>& phi,
                       GradientEstimate& result) {
  using Clock = std::chrono::steady_clock;
  const bool keeps = progress_ && config_.window_save_every > 0;
  const std::string key = keeps ? WindowProgressFolder::window_key(update, task, k, theta) : "";
  WindowProgress p{k, std::vector<float>(phi.size(), 0.0f), std::vector<float>(theta.size(), 0.0f), {}, 0, 0, {}, {}, 0};
  bool is_kept = false;
  if (auto found = keeps ? progress_->find(update, task, key) : std::nullopt; found && found->fits(k, phi.size(), theta.size())) {
    p = std::move(*found);
    is_kept = true;
    result.note = fmt::format("the window of task {} ({}) goes on with {} of its {} inner steps reversed", task.id, task.family, k - p.left, k);
  }
  const std::int64_t begin = p.left;
  const WindowProgress before = p;
  auto last_save = Clock::now();
  const auto note = [&](const autodiff::ReverseProgress<float>& now) {
    p.left = now.left;
    p.adjoint.assign(now.adjoint.begin(), now.adjoint.end());
    p.gradient.assign(now.gradient.begin(), now.gradient.end());
    if (begin == k) p.last.assign(now.last.begin(), now.last.end()), p.objective_last = segment.objective(k - 1);
    if (now.left == 0) p.objective_first = segment.objective(0);
    p.state_checksum = now.state_checksum;
    for (auto [mine, tail, fresh] : {std::tuple(&p.adjoint_norm, &before.adjoint_norm, &now.telemetry.adjoint_norm), {&p.contribution_norm, &before.contribution_norm, &now.telemetry.contribution_norm}}) {
      mine->assign(fresh->begin() + now.left, fresh->end());
      mine->insert(mine->end(), tail->begin(), tail->end());
    }
  };
  const auto on_reversed = [&](const autodiff::ReverseProgress<float>& now) {
    const bool due = keeps && std::chrono::duration<double>(Clock::now() - last_save).count() >= config_.window_save_every;
    if (now.left > 0 && !due) return;
    note(now);
    if ((!due && !is_kept) || !all_finite(p.gradient)) return;  // other windows of the update may still take long: what took long is kept to its end
    progress_->save(update, task, key, p);
    is_kept = true;
    last_save = Clock::now();
  };
  if (begin > 0) {
    const autodiff::Schedule schedule = schedule_of(step, begin);
    if (share_.memory_bytes > 0) return_free_memory();
    std::optional<checkpoints::DiskCheckpoints> disk;
    if (schedule.disk_slots > 0) disk.emplace(files_, config_.disk_dir, schedule.disk_slots, std::as_bytes(std::span(phi)).size());
    autodiff::Arena arena;
    std::vector<float> adjoint = p.adjoint, gradient = p.gradient;
    autodiff::unroll<float>(segment, schedule, phi, adjoint, gradient, arena, disk ? &*disk : nullptr, on_reversed);
    if (begin < k && autodiff::state_checksum<float>(phi) != before.state_checksum)
      throw autodiff::RecomputationMismatch(begin, false, "came out with other bits than before the interruption: check this machine's memory and processor");
  }
  phi = std::move(p.last);
  result.gradient = std::move(p.gradient);
  result.objective_first = p.objective_first;
  result.objective_last = p.objective_last;
  result.adjoint_norm = std::move(p.adjoint_norm);
  result.contribution_norm = std::move(p.contribution_norm);
}

GradientEstimate Windowed::estimate(std::span<const float> theta, InFlight& task, std::int64_t update) {
  const StepShape shape = shape_of(task.task);
  auto step = steps_.borrow(shape);
  const std::int64_t k = window_length(config_, task);
  InnerSegment segment(*step, theta, task.task, task.age);
  std::vector<float> phi = task.phi;

  GradientEstimate result;
  result.steps = k;
  const auto failed = [&](std::int64_t t, const std::string& what, const std::string& op) {
    GradientEstimate e;
    e.finite = false;
    e.failed_step = t;
    e.failure = what;
    e.failed_op = op;
    return e;
  };
  try {
    reverse(*step, segment, task, update, k, theta, phi, result);
  } catch (const NotFinite& e) {
    return failed(e.step, e.what(), e.op);
  }
  // Contributions that are finite may add up to more than a float.
  if (!all_finite(result.gradient)) return failed(task.age, "the gradient, " + first_not_finite(theta_spec(config_.rule), result.gradient), "");
  const float share = 1.0f / static_cast<float>(k);
  for (float& g : result.gradient) g *= share;
  task.phi = std::move(phi);
  task.age += k;
  return result;
}

bool Windowed::advance(std::span<const float> theta, InFlight& task, std::int64_t steps) {
  const StepShape shape = shape_of(task.task);
  auto step = steps_.borrow(shape);
  TaskBatches batches(task.task, shape);
  std::vector<float> phi = task.phi, next(phi.size());
  for (std::int64_t i = 0; i < steps; ++i) {
    step->advance(theta, phi, batches.unlabelled(task.age + i), next);
    phi.swap(next);
    if (!all_finite(phi)) return false;
  }
  task.phi = std::move(phi);
  task.age += steps;
  return true;
}

}  // namespace metalearn
