#include "metalearn/train/progress.hpp"

#include "metalearn/snapshots/run_state.hpp"

namespace metalearn {

Progress progress_of(const UpdateRows& rows, std::int64_t updates) {
  const MetricsRow& row = rows.metrics;
  Progress p{.update = row.update,
             .updates = updates,
             .objective_first = row.objective.first,
             .objective_last = row.objective.last,
             .gradient_norm = row.gradient_norm,
             .inner_steps = row.inner_steps,
             .seconds = row.seconds,
             .replaced = row.replaced,
             .dropped = row.dropped,
             .events = rows.events};
  std::vector<Validated> now;
  for (const auto& point : row.validation) now.push_back({row.update, point});
  if (const auto winner = best(now)) {
    p.validation_objective = winner->point.objective;
    p.validation_accuracy = winner->point.accuracy;
    p.validation_mark = winner->point.mark;
  }
  return p;
}

}  // namespace metalearn
