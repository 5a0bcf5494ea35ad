#include "metalearn/steps/task_batches.hpp"

#include <algorithm>
#include <type_traits>

namespace metalearn {

namespace {
std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }
}  // namespace

StepShape training_shape(const Config& config, const Task& task) {
  return {task.widths(),   config.batch,        task.classes(),      config.task.labels_per_class,
          config.averages, task.coefficients(), task.mask_rows() > 0};
}

template <class T>
TaskBatches<T>::TaskBatches(const Task& task, const StepShape& shape)
    : task_(task),
      shape_(shape),
      x_(size(shape.batch_rows() * shape.batch)),
      labels_(size(2 * shape.labelled())),
      coefficients_(size(2 * shape.labelled() * shape.coefficients)),
      pair_x_(size(shape.averages * shape.widths.front() * 2 * shape.labelled())),
      targets_(size(shape.averages * 2 * shape.labelled() * shape.targets())) {}

template <class T>
template <class F>
void TaskBatches<T>::draw(std::span<T> x, F fill) {
  if constexpr (std::is_same_v<T, float>) {
    fill(x);
  } else {
    drawn_.resize(x.size());
    fill(std::span(drawn_));
    std::copy(drawn_.begin(), drawn_.end(), x.begin());
  }
}

template <class T>
std::span<const T> TaskBatches<T>::unlabelled(std::int64_t t) {
  draw(x_, [&](std::span<float> x) {
    const auto inputs = x.first(size(shape_.widths.front() * shape_.batch));
    task_.unlabelled(t, shape_.batch, inputs);
    if (shape_.masks) task_.masks(t, shape_.batch, x.subspan(inputs.size()));
  });
  return x_;
}

template <class T>
std::span<const LabelledPair<T>> TaskBatches<T>::labelled(std::int64_t t) {
  const std::size_t n = size(shape_.labelled());
  const std::size_t inputs = pair_x_.size() / size(shape_.averages),
                    targets = targets_.size() / size(shape_.averages);
  pairs_.clear();
  for (std::size_t a = 0; a < size(shape_.averages); ++a) {
    const auto x = std::span(pair_x_).subspan(a * inputs, inputs);
    const auto y = std::span(targets_).subspan(a * targets, targets);
    draw(x, [&](std::span<float> drawn) {
      task_.labelled(t, static_cast<std::int64_t>(a), drawn, labels_, coefficients_);
    });
    for (std::size_t half = 0; half < 2; ++half)
      standardise_targets<T>(
          std::span(labels_).subspan(half * n, n), shape_.classes, y.subspan(half * targets / 2, targets / 2),
          std::span(coefficients_).subspan(half * coefficients_.size() / 2, coefficients_.size() / 2));
    pairs_.push_back({x, y});
  }
  return pairs_;
}

template class TaskBatches<float>;
template class TaskBatches<double>;

}  // namespace metalearn
