// TaskBatches: the batches of one task in the layout of an inner step, drawn again for every use into reused
// buffers. One thread. Tasks draw in float32; in float64 the inputs are the same numbers.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "metalearn/config/config.hpp"
#include "metalearn/steps/inner_step.hpp"
#include "metalearn/tasks/task.hpp"

namespace metalearn {

/// The shape of a training task's steps.
StepShape training_shape(const Config& config, const Task& task);

template <class T = float>
class TaskBatches {
 public:
  /// REQUIRES task and shape to outlive it.
  TaskBatches(const Task& task, const StepShape& shape);

  /// Unlabelled batch t, with its masks if the shape has any. Valid until the next call.
  std::span<const T> unlabelled(std::int64_t t);
  /// The labelled pairs that score phi_t. Valid until the next call.
  std::span<const LabelledPair<T>> labelled(std::int64_t t);

 private:
  /// fill writes float32, whatever T is.
  template <class F>
  void draw(std::span<T> x, F fill);

  const Task& task_;
  const StepShape& shape_;
  std::vector<float> drawn_;  ///< used if T is not float
  std::vector<T> x_;
  std::vector<std::int32_t> labels_;
  std::vector<float> coefficients_;
  std::vector<T> pair_x_, targets_;
  std::vector<LabelledPair<T>> pairs_;
};

}  // namespace metalearn
