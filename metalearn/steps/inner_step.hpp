// InnerStep: one architecture's inner step and meta-objective, recorded once, differentiated and compiled;
// replayed for every step of every unroll.
//
//   advance   phi_t -> phi_{t+1}              (specification sections 4 to 9)
//   score     phi -> J(phi), predictions      (section 10)
//   turn      phi_t, adjoint of phi_{t+1} -> adjoint of phi_t, what the step adds to d/dtheta; runs the step
//             forward again first (its tape lives in the arena only meanwhile)
//   record, reverse: the two halves of turn, with a tape that the caller keeps
//
// theta and phi are flat arrays in the order of theta_spec() and phi_spec(). Batches are unit-major: x[i*B +
// e] is input i of example e. An InnerStep owns its arena: one thread at a time. Compiling costs tens of
// milliseconds, so keep them by StepShape.
#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "autodiff/plan/arena.hpp"
#include "autodiff/plan/timing.hpp"
#include "metalearn/model/phi.hpp"
#include "metalearn/model/rule_config.hpp"
#include "metalearn/model/targets.hpp"
#include "metalearn/model/tensor_list.hpp"
#include "metalearn/rules/update_rule.hpp"

namespace metalearn {

/// What a step with its objective is a function of. adjoint_next: that of phi_{t+1} from all later steps.
template <class T>
struct StepInputs {
  std::span<const T> theta, phi, x;
  std::span<const LabelledPair<T>> pairs;  ///< as many as StepShape::averages
  std::span<const T> adjoint_next = {};
};

template <class T>
class InnerStep {
 public:
  /// threads: for the loops inside kernels; 1 where tasks run in parallel. sub_segments: n > 1 computes most
  /// of the tape again, in parts of at most 1/n of it (autodiff/transform/sub_segments.hpp): less memory,
  /// more arithmetic, the same bits. Throws std::invalid_argument for shapes that can't be, or a top width
  /// that isn't theta's N_L.
  InnerStep(const RuleConfig& rule, const StepShape& shape, int threads = 1, int sub_segments = 1);
  ~InnerStep();
  InnerStep(InnerStep&&) noexcept;

  const StepShape& shape() const;
  std::int64_t theta_size() const;
  std::int64_t phi_size() const;
  const TensorList& theta_list() const;
  const TensorList& phi_list() const;

  /// phi_next = step(theta, phi, x); x [N_0, B], with masks [batch_rows(), B].
  void advance(std::span<const T> theta, std::span<const T> phi, std::span<const T> x, std::span<T> phi_next);

  /// J(phi), mean over the pairs (pairs.size() == averages). predictions [averages, n, classes +
  /// coefficients] of batch b are written if not empty.
  T score(std::span<const T> phi, std::span<const LabelledPair<T>> pairs, std::span<T> predictions = {});

  /// x^L of any number of examples in one batch of 2n: features [N_L, 2n] of x [N_0, 2n] (batch norm
  /// statistics over these 2n).
  void features(std::span<const T> phi, std::span<const T> x, std::span<T> out);

  // Outputs are written, and are memory of their own: where one overlaps an input or another output, or has
  // another size, std::invalid_argument is thrown before anything is written.

  /// One step of the reverse sweep. Runs the step from phi forward, scores phi_{t+1}, then back: the adjoint
  /// of phi_{t+1} is adjoint_next + dJ/dphi_{t+1}. next: phi_{t+1}; adjoint: of phi_t; contribution: what the
  /// step adds to d/dtheta. Returns J(phi_{t+1}).
  T turn(const StepInputs<T>& in, std::span<T> next, std::span<T> adjoint, std::span<T> contribution);

  /// turn() in two halves, with the same bits. record (adjoint_next is not read): J(phi_{t+1}), which is
  /// returned, next and the tape, of record_size() numbers. reverse, some time later with the same theta, x
  /// and pairs (phi is read from the tape): adjoint and contribution, as turn().
  T record(const StepInputs<T>& in, std::span<T> next, std::span<T> tape);
  void reverse(const StepInputs<T>& in, std::span<const T> tape, std::span<T> adjoint,
               std::span<T> contribution);
  std::size_t record_size();

  /// After a turn() with a non-finite result: where the first such number is, as
  /// autodiff::Plan::first_non_finite() says it; empty if there is none. Compiles the step once more as it is
  /// written, without fusion; the arena grows to what that needs, unless it is more than most_bytes: then the
  /// fused step is searched.
  std::string first_non_finite(const StepInputs<T>& in,
                               std::size_t most_bytes = std::numeric_limits<std::size_t>::max());

  /// Runs a turn() and says where its time goes, kernel by kernel.
  std::vector<autodiff::KernelTiming> profile_turn(const StepInputs<T>& in);

  /// Bytes of forward values that a turn() keeps for its reverse.
  std::size_t tape_bytes();
  /// What the reverse computes again within its step to keep the tape small: its arithmetic, in units of that
  /// of advance().
  double recomputed_evaluations();
  /// Multiply-adds of advance() and of turn(), as their ops state them.
  double forward_arithmetic();
  double turn_arithmetic();
  /// Bytes of the arena with which any of advance, turn, record and reverse can run.
  std::size_t unroll_bytes();
  /// The same of advance and score alone.
  std::size_t evaluation_bytes();
  /// Bytes of the arena that the plans used so far predict, and the largest end that their steps wrote to
  /// (autodiff/plan/arena.hpp): equal.
  std::size_t predicted_peak_bytes() const;
  std::size_t high_water_bytes() const;

  /// Runs in this arena from now on and gives back the one before: steps that never run at one time can share
  /// one, of which high_water_bytes() then speaks.
  autodiff::Arena exchange_arena(autodiff::Arena arena);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metalearn
