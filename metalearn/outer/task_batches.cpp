#include "metalearn/outer/task_batches.hpp"

namespace metalearn {

namespace {
std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }
}  // namespace

TaskBatches::TaskBatches(const Task& task, const StepShape& shape)
    : task_(task), shape_(shape), x_(size(shape.widths.front() * shape.batch)), labels_(size(2 * shape.labelled())),
      pair_x_(size(shape.averages * shape.widths.front() * 2 * shape.labelled())), targets_(size(shape.averages * 2 * shape.labelled() * shape.classes)) {}

std::span<const float> TaskBatches::unlabelled(std::int64_t t) {
  task_.unlabelled(t, shape_.batch, x_);
  return x_;
}

std::span<const LabelledPair<float>> TaskBatches::labelled(std::int64_t t) {
  const std::size_t n = size(shape_.labelled());
  const std::size_t inputs = pair_x_.size() / size(shape_.averages), targets = targets_.size() / size(shape_.averages);
  pairs_.clear();
  for (std::size_t a = 0; a < size(shape_.averages); ++a) {
    const auto x = std::span(pair_x_).subspan(a * inputs, inputs);
    const auto y = std::span(targets_).subspan(a * targets, targets);
    task_.labelled(t, static_cast<std::int64_t>(a), x, labels_);
    for (std::size_t half = 0; half < 2; ++half)
      standardise_targets<float>(std::span(labels_).subspan(half * n, n), shape_.classes, y.subspan(half * targets / 2, targets / 2));
    pairs_.push_back({x, y});
  }
  return pairs_;
}

}  // namespace metalearn
