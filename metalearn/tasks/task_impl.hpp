// Task::Impl: the parts of a drawn task. Shared by the task's batches and by the distributions that draw
// tasks. Const after construction.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "metalearn/tasks/augmentation.hpp"
#include "metalearn/tasks/task.hpp"

namespace metalearn {

/// The examples of some classes of an image set, grouped by class.
struct Pool {
  const ImageSet* set = nullptr;
  std::vector<std::int32_t> examples;    ///< indices into the set
  std::vector<std::size_t> begin = {0};  ///< class c is examples[begin[c]] .. examples[begin[c + 1]]

  /// `members` [class of the set] are the indices of its examples; `classes` become 0, 1, ... in this order.
  Pool(const ImageSet& images, const std::vector<std::vector<std::int32_t>>& members,
       const std::vector<int>& classes);
};

/// The indices of each class's examples.
std::vector<std::vector<std::int32_t>> class_members(const ImageSet& set, std::size_t classes);

struct Task::Impl {
  std::shared_ptr<const Dataset> data;  ///< keeps the pools' images
  std::vector<std::int64_t> widths;
  std::uint64_t id = 0;
  std::uint64_t seed = 0, stream = 0;  ///< name of all random streams of the task
  int labels_per_class = 0;
  std::int64_t coefficients = 0;  ///< number of coefficient targets
  double coefficient_weight = 0;
  double input_dropout = 0, hidden_dropout = 0;
  Augmentation augmentation;
  ImageReader unlabelled_reader, labelled_reader;
  Pool unlabelled, labelled;
};

}  // namespace metalearn
