// Meta-batch: combines the estimates of one update's windows into one gradient, in task order.
//
// Each window's gradient is clipped, then the applied ones are averaged, so that an easy family does not
// dominate the update. A window with any value that is not finite contributes nothing and is reported. Sums
// run in float64 and in the order of the windows: the bits do not depend on which window finished first. One
// thread.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "metalearn/records/event.hpp"
#include "metalearn/records/metrics.hpp"
#include "metalearn/windows/gradient_estimator.hpp"

namespace metalearn {

struct MetaBatch {
  std::vector<float>
      gradient;  ///< mean of the clipped gradients of the applied windows (empty if there are none)
  std::int64_t applied = 0;
  std::vector<bool> dropped;  ///< per window
  std::vector<Event> events;  ///< one per dropped window: task, family, fault and step
};

/// tasks[i] is the task of estimates[i], after its window. Clips the estimates' gradients in place to 2-norm
/// `clip`. Fills in the fields of `row` about objectives, gradients of families, clipping, drops and inner
/// steps; its means are NaN if no window was applied.
MetaBatch reduce(std::span<GradientEstimate> estimates, std::span<const InFlight> tasks, double clip,
                 MetricsRow& row);

}  // namespace metalearn
