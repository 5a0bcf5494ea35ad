// Meta-batch: the estimates of one update's windows made into one gradient, in task order.
//
// Each window's gradient is clipped, then the applied ones are averaged, so that an easy family doesn't own
// the update. A window with anything that is not finite contributes nothing and is named. Sums run in float64
// and in the order of the windows: the bits don't depend on who finished first. One thread.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "metalearn/records/event.hpp"
#include "metalearn/records/metrics.hpp"
#include "metalearn/windows/gradient_estimator.hpp"

namespace metalearn {

struct MetaBatch {
  std::vector<float> gradient;  ///< mean of the applied windows' clipped gradients (empty where none was)
  std::int64_t applied = 0;
  std::vector<bool> dropped;  ///< per window
  std::vector<Event> events;  ///< one per dropped window: task, family, what and at which step
};

/// tasks[i] is the task of estimates[i], after its window. Clips the estimates' gradients in place to 2-norm
/// `clip`, and fills in what `row` says about objectives, gradients of families, clipping, drops and inner
/// steps; its means are NaN where no window was applied.
MetaBatch reduce(std::span<GradientEstimate> estimates, std::span<const InFlight> tasks, double clip,
                 MetricsRow& row);

}  // namespace metalearn
