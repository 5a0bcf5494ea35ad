// Method: a way to represent a task's inputs, so that all of them can be compared under one protocol
// (evaluate/comparison.hpp).
//
// A Method is a recipe: const, thread-safe. start() gives a Learner for one task; a Learner belongs to one
// thread.
#pragma once
#include <algorithm>
#include <cstdint>
#include <Eigen/Core>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metalearn/steps/inner_step.hpp"
#include "metalearn/tasks/task.hpp"

namespace metalearn {

/// Rows are examples.
using Matrix = Eigen::MatrixXd;

/// One labelled pair of a task: support, then query, n examples each.
struct LabelledDraw {
  std::span<const float> x;               ///< [N_0, 2n], unit-major
  std::span<const std::int32_t> support;  ///< [n] labels of the support; methods never see those of the query
  std::int64_t classes = 0;
  std::int64_t index = 0;  ///< number of the draw within the task
};

class Learner {
 public:
  virtual ~Learner() = default;
  /// Takes steps until a total of `t`. Called with ascending t.
  virtual void learn(std::int64_t t) = 0;
  /// [2n, F]: the representation of the support, then of the query.
  virtual Matrix features(const LabelledDraw& draw) = 0;
  /// The method's own training objective, mean over a fixed batch of the train split, in its own units; NaN
  /// for methods without one.
  virtual double objective() { return std::numeric_limits<double>::quiet_NaN(); }
};

/// The start of a learner. The same for all methods on one seed of an evaluation.
struct Start {
  const Task& task;                    ///< outlives the learner
  std::uint64_t seed = 0, stream = 0;  ///< of phi_0 and all other draws
  std::int64_t labels_per_class = 10;
  Activation activation = Activation::relu;  ///< of the base model
};

/// The examples that the steps of a method use.
enum class Sees { nothing, support, unlabelled, all_labels };

struct Method {
  std::string name;
  std::string summary = {};  ///< description of its representation, one line of help
  std::string settings;      ///< hyperparameters, one line
  Sees sees = Sees::nothing;
  std::vector<std::int64_t> marks = {0};    ///< default evaluation steps: steps after which it is scored
  std::int64_t first_mark = 0;              ///< fewest steps needed for a representation
  std::optional<std::int64_t> chosen = {};  ///< steps selected by a trained rule's meta-validation
  std::int64_t batch = 128;                 ///< examples from the train split per step
  std::int64_t most = std::numeric_limits<std::int64_t>::max();  ///< number of examples from the train split
                                                                 ///< that it uses, the first ones
  std::function<std::unique_ptr<Learner>(const Start&)> start;

  /// Examples of the train split drawn in t steps (with repetitions), without and with their labels.
  std::int64_t unlabelled(std::int64_t t) const {
    return sees == Sees::unlabelled ? std::min(t * batch, most) : 0;
  }
  std::int64_t labelled(std::int64_t t) const { return sees == Sees::all_labels ? t * batch : 0; }
};

/// Batch t of a task from its train split; rows are examples.
Matrix unlabelled_rows(const Task& task, std::int64_t t, std::int64_t batch);
/// x [N, B], unit-major, as rows [B, N].
Matrix as_rows(std::span<const float> x, std::int64_t units);

}  // namespace metalearn
