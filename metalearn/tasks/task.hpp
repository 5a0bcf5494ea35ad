// Task: a data set, some of its classes, an augmentation and a base architecture; with its batches.
//
// Everything is a pure function of (seed, task id, t): a task is never stored but drawn again from its id,
// and batches can be requested in any order of t. A task of a synthetic family (data/synthetic/synthetic.hpp)
// generates its set while it is drawn, within milliseconds, and keeps it in memory, about a megabyte. Const
// after construction, any number of threads may read.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// Units that dropout applies to.
enum class DropoutPlace { inputs, hidden, all };

/// Ranges and probabilities that tasks are drawn from.
struct TaskConfig {
  int resolution = 14;  ///< images are area-averaged to resolution x resolution, in [0, 1]
  int classes_min = 2, classes_max = 10;
  int hidden_min = 1, hidden_max = 2;  ///< hidden layers, uniform
  int width_min = 24, width_max = 64;  ///< units of a hidden layer, log-uniform, rounded to multiples of 8
  std::int64_t representation = 32;    ///< N_L
  int labels_per_class = 10;
  double permute = 1.0;                  ///< probability of one random permutation of the inputs per task
  double shift = 0.0, shift_max = 2;     ///< probability; per example uniform in +-shift_max pixels
  double rotate = 0.0, rotate_max = 30;  ///< probability; per example uniform in +-rotate_max degrees
  double noise = 0.0,
         noise_max = 0.3;  ///< probability; per task a standard deviation uniform in 0..noise_max
  double invert = 0.0;     ///< probability: x -> 1 - x for the whole task
  double input_sign =
      0.0;  ///< probability; then each input is inverted (x -> 1 - x) for the whole task with probability 1/2
  bool coefficient_targets =
      false;  ///< training tasks also have the coefficients of their rotations and shifts as targets
  double coefficient_weight = 0.5;  ///< weight of these columns relative to the one-hot ones
  double dropout = 0;  ///< probability that a unit is zeroed, for an example, in the inner steps of training
                       ///< tasks; the others are scaled by 1 / (1 - dropout)
  DropoutPlace dropout_place = DropoutPlace::inputs;
  LoadOptions load = {};  ///< how the data sets are converted while they are read

  bool drops_inputs() const { return dropout > 0 && dropout_place != DropoutPlace::hidden; }
  bool drops_hidden() const { return dropout > 0 && dropout_place != DropoutPlace::inputs; }
  /// The most targets that coefficients can add to the classes.
  std::int64_t most_coefficients() const {
    return coefficient_targets ? (rotate > 0 && rotate_max > 0 ? 1 : 0) + (shift > 0 && shift_max > 0 ? 2 : 0)
                               : 0;
  }
};

/// Which part of a data set's classes and examples a task sees.
enum class Role {
  train,       ///< meta-training: training families and classes
  validation,  ///< meta-validation, which selects evaluation steps and thetas: held-out glyph families and
               ///< classes, held-out CIFAR and ImageNet classes
  test,  ///< reporting, which selects nothing: the same classes (imagenet: other held-out ones) on images of
         ///< the test split (glyph: other held-out families)
};

class Task {
 public:
  const std::string& family() const;  ///< name of the data set, for example "glyph" or "cifar10"
  const std::vector<std::int64_t>& widths() const;  ///< N_0 .. N_L
  int classes() const;
  bool is_standardised()
      const;  ///< inputs have mean 0 and deviation 1 over the train split; otherwise they are in [0, 1]
  std::uint64_t id() const;
  /// Number of targets per example in addition to its class: with TaskConfig::coefficient_targets,
  /// Augmentation::coefficients() for a training task that rotates or shifts its images; otherwise 0.
  std::int64_t coefficients() const;

  /// x [N_0, batch], unit-major: unlabelled batch t; in a training task with dropout on its inputs.
  void unlabelled(std::int64_t t, std::int64_t batch, std::span<float> x) const;
  /// The same batch with its labels [batch] in 0..classes-1, which no unsupervised learner may see.
  void unlabelled(std::int64_t t, std::int64_t batch, std::span<float> x,
                  std::span<std::int32_t> labels) const;
  /// N_1 + .. + N_{L-1} for a training task with dropout on its hidden units, otherwise 0.
  std::int64_t mask_rows() const;
  /// The masks of unlabelled batch t, 0 or 1 / (1 - dropout): [mask_rows(), batch].
  void masks(std::int64_t t, std::int64_t batch, std::span<float> masks) const;
  /// Pair `index` of labelled batches at t, batch a then b: x [N_0, 2n], labels [2n] in 0..classes-1. Each
  /// batch has labels_per_class different examples of every class, shuffled; a and b share no example.
  void labelled(std::int64_t t, std::int64_t index, std::span<float> x, std::span<std::int32_t> labels) const;
  /// The same, with each example's coefficients times their weight: [2n, coefficients()].
  void labelled(std::int64_t t, std::int64_t index, std::span<float> x, std::span<std::int32_t> labels,
                std::span<float> coefficients) const;

  struct Impl;
  explicit Task(std::shared_ptr<const Impl> impl);

 private:
  std::shared_ptr<const Impl> impl_;
};

class TaskDistribution {
 public:
  /// REQUIRES at least one data set. Throws checkpoints::BadData if the train split of one has fewer than two
  /// classes, or a class with fewer than 2 x labels_per_class examples.
  TaskDistribution(TaskConfig config, std::vector<std::shared_ptr<const Dataset>> sets, std::uint64_t seed);
  /// Families are balanced: each block of `families` consecutive ids has each family once, in an order that
  /// depends on the seed. validation and test leave out sets that hold out too little or nothing for them;
  /// throws checkpoints::BadData if all do.
  Task draw(Role role, std::uint64_t id) const;
  const std::vector<std::string>& families() const;
  /// The most inputs and the most classes of any training task.
  std::int64_t most_inputs() const;
  std::int64_t most_classes() const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

/// A task for evaluation on one data set: all of its classes (or its test_classes, if any), the given hidden
/// widths, no augmentation except permutation number `permutation` of the inputs, if not 0; unlabelled
/// batches from the train split, labelled batches (support a, query b, disjoint) from the test split. `seed`
/// selects batches and phi's stream. Throws checkpoints::BadData if a split is empty, or the test split has
/// too few classes or examples, as above; UsageError for a synthetic family.
Task evaluation_task(std::shared_ptr<const Dataset> set, const std::vector<std::int64_t>& hidden,
                     const TaskConfig& config, std::uint64_t seed, std::uint64_t permutation = 0);

}  // namespace metalearn
