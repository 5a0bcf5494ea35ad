// Comparison: methods under one protocol. All methods represent the same labelled draws; heads are fitted on
// the support of each draw and scored on its query.
//
// A seed of the evaluation is a task: a phi_0, the unlabelled batches of the train split, and `draws`
// labelled pairs of the test split, support and query disjoint. All of these are the same for every method,
// so that differences are paired, seed by seed. Seeds and methods run in parallel; results do not depend on
// the threads.
#pragma once
#include "metalearn/baselines/method.hpp"
#include "metalearn/config/config.hpp"
#include "metalearn/evaluate/heads.hpp"

namespace metalearn {

struct ComparisonOptions {
  std::vector<std::int64_t>
      steps;  ///< evaluation steps of the methods that take steps, ascending; empty: each method's own
  std::int64_t draws = 5;  ///< labelled pairs per seed
  std::uint64_t seed = 0;  ///< of phi_0
  Activation activation = Activation::relu;
  int threads = 1;  ///< 0: all cores
};

/// A mean with the half width of its 95 % confidence interval (Student's t over seeds; NaN for one seed).
struct Interval {
  double mean = 0, half_width = 0;
  double standard_error = 0;
};
/// NaN for one measurement, or if the standard error is.
double half_width_95(double standard_error, std::int64_t measurements);
/// REQUIRES at least one value.
Interval interval_95(std::span<const double> values);

struct MethodRow {
  std::string method;
  Head head = Head::ridge;
  std::int64_t step = 0;
  std::int64_t unlabelled = 0,
               labelled = 0;  ///< examples drawn from the train split, without and with their labels
  Interval accuracy;
  Interval objective;  ///< the method's own (Learner::objective); NaN if it has none
  Interval gain;  ///< accuracy minus that of `random` with the same head, paired; NaN if random is not among
                  ///< the methods
  std::int64_t seeds = 0;
  std::int64_t not_finite =
      0;  ///< number of the seeds x draws fits whose features are not all finite: they count as accuracy 0
  std::int64_t not_converged =
      0;  ///< number of the same fits in which an iteration did not reach its tolerance
};

/// Rows by method, evaluation step and head, in order. tasks[i] is seed i, with phi_0 of stream i;
/// labels_per_class is that of the tasks. Throws std::invalid_argument: no tasks, no methods, no draws,
/// evaluation steps that are negative or not ascending.
std::vector<MethodRow> compare(const std::vector<Method>& methods, const std::vector<Task>& tasks,
                               std::int64_t labels_per_class, const ComparisonOptions& options);

/// The evaluation steps of a method under these options.
std::vector<std::int64_t> marks_of(const Method& method, const ComparisonOptions& options);

}  // namespace metalearn
