// InnerStep: one architecture's inner step and meta-objective, recorded once, differentiated and compiled;
// replayed for every step of every unroll.
//
//   advance   phi_t -> phi_{t+1}              (specification sections 4 to 9)
//   score     phi -> J(phi), predictions      (section 10)
//   turn      phi_t, adjoint of phi_{t+1} -> adjoint of phi_t, contribution to d/dtheta; first recomputes the
//             step forward (its tape lives in the arena only during the call)
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

/// Inputs of a step with its objective. adjoint_next: adjoint of phi_{t+1} from all later steps.
template <class T>
struct StepInputs {
  std::span<const T> theta, phi, x;
  std::span<const LabelledPair<T>> pairs;  ///< StepShape::averages pairs
  std::span<const T> adjoint_next = {};
};

template <class T>
class InnerStep {
 public:
  /// threads: for the loops inside kernels; 1 if tasks run in parallel. sub_segments: n > 1 recomputes most
  /// of the tape, in parts of at most 1/n of it (autodiff/transform/sub_segments.hpp): less memory, more
  /// arithmetic, the same bits. Throws std::invalid_argument for invalid shapes, or a top width other than
  /// theta's N_L.
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

  // Outputs are overwritten and need separate memory: if one overlaps an input or another output, or has the
  // wrong size, std::invalid_argument is thrown before anything is written.

  /// One step of the reverse sweep. Runs the step forward from phi, scores phi_{t+1}, then runs the reverse:
  /// the adjoint of phi_{t+1} is adjoint_next + dJ/dphi_{t+1}. next: phi_{t+1}; adjoint: of phi_t;
  /// contribution: the step's contribution to d/dtheta. Returns J(phi_{t+1}).
  T turn(const StepInputs<T>& in, std::span<T> next, std::span<T> adjoint, std::span<T> contribution);

  /// turn() in two halves, with the same bits. record (does not read adjoint_next): returns J(phi_{t+1}),
  /// writes next and the tape of record_size() numbers. reverse, later with the same theta, x and pairs (phi
  /// comes from the tape): writes adjoint and contribution, as turn().
  T record(const StepInputs<T>& in, std::span<T> next, std::span<T> tape);
  void reverse(const StepInputs<T>& in, std::span<const T> tape, std::span<T> adjoint,
               std::span<T> contribution);
  std::size_t record_size();

  /// After a turn() with a non-finite result: the first such number, as described by
  /// autodiff::Plan::first_non_finite(); empty if there is none. Compiles the step again as written, without
  /// fusion; the arena grows as needed, but if that exceeds most_bytes, the fused step is searched instead.
  std::string first_non_finite(const StepInputs<T>& in,
                               std::size_t most_bytes = std::numeric_limits<std::size_t>::max());

  /// Runs a turn() and returns its time per kernel.
  std::vector<autodiff::KernelTiming> profile_turn(const StepInputs<T>& in);

  /// Bytes of forward values that a turn() keeps for its reverse.
  std::size_t tape_bytes();
  /// What the reverse recomputes within its step to keep the tape small: its arithmetic relative to
  /// advance().
  double recomputed_evaluations();
  /// Multiply-adds of advance() and of turn(), as stated by their ops.
  double forward_arithmetic();
  double turn_arithmetic();
  /// Arena bytes sufficient for each of advance, turn, record and reverse.
  std::size_t unroll_bytes();
  /// The same for only advance and score.
  std::size_t evaluation_bytes();
  /// Arena bytes predicted by the plans used so far, and the highest end that their steps wrote to
  /// (autodiff/plan/arena.hpp): they are equal.
  std::size_t predicted_peak_bytes() const;
  std::size_t high_water_bytes() const;

  /// Uses this arena from now on and returns the previous one: steps that never run at the same time can
  /// share one, which high_water_bytes() then describes.
  autodiff::Arena exchange_arena(autodiff::Arena arena);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metalearn
