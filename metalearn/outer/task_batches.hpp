// TaskBatches: the batches of one task as an inner step takes them, drawn again for every use, in buffers that are kept. One thread.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "metalearn/model/inner_step.hpp"
#include "metalearn/tasks/task.hpp"

namespace metalearn {

class TaskBatches {
 public:
  /// REQUIRES task and shape to outlive it.
  TaskBatches(const Task& task, const StepShape& shape);

  /// Unlabelled batch t. Valid until the next call.
  std::span<const float> unlabelled(std::int64_t t);
  /// The labelled pairs that score phi_t. Valid until the next call.
  std::span<const LabelledPair<float>> labelled(std::int64_t t);

 private:
  const Task& task_;
  const StepShape& shape_;
  std::vector<float> x_;
  std::vector<std::int32_t> labels_;
  std::vector<float> pair_x_, targets_;
  std::vector<LabelledPair<float>> pairs_;
};

}  // namespace metalearn
