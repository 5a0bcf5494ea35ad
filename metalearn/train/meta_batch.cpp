#include "metalearn/train/meta_batch.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>

#include "metalearn/base/finite.hpp"
#include "metalearn/optimise/adam.hpp"

namespace metalearn {
namespace {

/// What is not finite in a window; empty if all is finite. Does not rely on the estimator's own check: a
/// missed value would destroy theta.
std::string fault(const GradientEstimate& e, const InFlight& task) {
  if (!e.finite)
    return fmt::format("{} is not finite at step {}{}{}", e.failure, e.failed_step,
                       e.failed_op.empty() ? "" : ", first: ", e.failed_op);
  const auto somewhere = [&](const char* what) {
    return fmt::format("{} is not finite in the window up to step {}", what, task.age);
  };
  if (!std::isfinite(e.objective_first) || !std::isfinite(e.objective_last))
    return somewhere("the objective");
  if (!all_finite(e.gradient)) return somewhere("the gradient");
  if (!all_finite(task.phi)) return somewhere("phi");
  return {};
}

void divide(MetricsRow::Objective& o, double n) {
  o.first /= n;
  o.last /= n;
}

}  // namespace

MetaBatch reduce(std::span<GradientEstimate> estimates, std::span<const InFlight> tasks, double clip,
                 MetricsRow& row) {
  if (estimates.empty() || estimates.size() != tasks.size())
    throw std::invalid_argument(
        fmt::format("[reduce] {} estimates for {} tasks", estimates.size(), tasks.size()));
  MetaBatch batch;
  std::vector<double> sum;
  std::map<std::string, double> windows;  // applied, by family
  double clipped = 0;
  for (std::size_t i = 0; i < estimates.size(); ++i) {
    GradientEstimate& e = estimates[i];
    const InFlight& task = tasks[i];
    const std::string what = fault(e, task);
    batch.dropped.push_back(!what.empty());
    if (!what.empty()) {
      batch.events.push_back(
          {EventKind::dropped, fmt::format("dropped task {} ({}): {}", task.id, task.family, what)});
      ++row.dropped;
      continue;
    }
    const double length = clip_norm(e.gradient, clip);
    sum.resize(e.gradient.size(), 0.0);
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += e.gradient[j];
    ++batch.applied;
    clipped += length > clip;
    auto& family = row.by_family[task.family];
    for (auto* o : {&row.objective, &family}) {
      o->first += e.objective_first;
      o->last += e.objective_last;
    }
    row.gradient_by_family[task.family] += length;
    windows[task.family] += 1;
    row.inner_steps += e.steps;
  }

  const double n =
      batch.applied > 0 ? static_cast<double>(batch.applied) : std::numeric_limits<double>::quiet_NaN();
  divide(row.objective, n);
  row.clipped_share = clipped / n;
  for (const auto& [family, count] : windows) {
    divide(row.by_family[family], count);
    row.gradient_by_family[family] /= count;
  }
  for (double s : sum) batch.gradient.push_back(static_cast<float>(s / n));
  row.gradient_norm = batch.applied > 0 ? norm(batch.gradient) : n;
  return batch;
}

}  // namespace metalearn
