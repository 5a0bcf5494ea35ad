// InnerSegment: the inner steps of one task, from a given age on, as a segment that autodiff::unroll() runs
// forward and in reverse.
//
// Step i of the segment is inner step t = first + i: it sees unlabelled batch t, and phi_{t+1} is scored with
// the labelled pairs of t+1, whose J enters the adjoint. One thread. float for training, double to measure
// the accuracy of float32.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "autodiff/unroll/segment.hpp"
#include "metalearn/steps/inner_step.hpp"
#include "metalearn/steps/task_batches.hpp"

namespace metalearn {

/// A result of a step is not finite. what(): "phi, W/2", "the objective", "the adjoint of phi, b/1", "the
/// gradient, ...".
struct NotFinite : std::runtime_error {
  NotFinite(std::int64_t t, const std::string& what, std::string first)
      : std::runtime_error(what), step(t), op(std::move(first)) {}
  std::int64_t step;  ///< t
  std::string op;     ///< where it began, from InnerStep::first_non_finite()
};

/// The name of the first tensor of the list that holds a number that is not finite; "?" if all numbers are
/// finite.
std::string first_not_finite(const TensorList& list, std::span<const float> values);

template <class T>
class InnerSegment final : public autodiff::Segment<T> {
 public:
  /// A segment of `steps` steps. REQUIRES step, theta and task to outlive it. All methods throw NotFinite.
  InnerSegment(InnerStep<T>& step, std::type_identity_t<std::span<const T>> theta, const Task& task,
               std::int64_t first, std::int64_t steps);

  std::size_t state_size() const override { return static_cast<std::size_t>(step_.phi_size()); }
  std::size_t theta_size() const override { return theta_.size(); }
  std::size_t tape_size() const override { return step_.record_size(); }
  std::size_t working_bytes() const override { return step_.unroll_bytes(); }
  /// Searches for failures within working_bytes() from now on; the message may then name a fused op instead
  /// of the op as written.
  void keep_within_working_bytes() { most_bytes_ = step_.unroll_bytes(); }

  using Step = autodiff::Step;
  using In = std::span<const T>;
  using Out = std::span<T>;
  void advance(Step i, In phi, Out next) override;
  void turn(Step i, In phi, Out next, In adjoint_next, Out adjoint, Out contribution) override;
  void record(Step i, In phi, Out next, Out tape) override;
  void reverse(Step i, In tape, In adjoint_next, Out adjoint, Out contribution) override;

  /// The objectives so far.
  std::span<std::byte> notes() override { return std::as_writable_bytes(std::span(objectives_)); }
  /// J(phi_{t+1}), once step i has been turned or recorded.
  double objective(Step i) const { return objectives_.at(static_cast<std::size_t>(i)); }

 private:
  StepInputs<T> inputs(Step i, In phi, In adjoint_next);
  void check(Step i, In phi, In next, In adjoint_next);
  void note_objective(Step i, T J, In phi, In adjoint_next);
  void check_reversed(Step i, In phi, In adjoint_next, In adjoint, In contribution);
  [[noreturn]] void fail(Step i, const std::string& what, In phi, In adjoint_next);

  InnerStep<T>& step_;
  std::span<const T> theta_;
  std::int64_t first_;
  TaskBatches<T> batches_;
  std::vector<double> objectives_;
  std::size_t most_bytes_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace metalearn
