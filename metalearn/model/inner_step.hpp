// InnerStep: one architecture's inner step and meta-objective, recorded once, differentiated and compiled; replayed for every step of every unroll.
//
//   advance   phi_t -> phi_{t+1}                                                          (specification sections 4 to 9)
//   score     phi -> J(phi), predictions                                                  (section 10)
//   turn      phi_t, adjoint of phi_{t+1} -> adjoint of phi_t, d/dtheta; runs the step forward again first (its tape lives in the arena only meanwhile)
//   record, reverse: the two halves of turn, with a tape that the caller keeps
//
// theta and phi are flat arrays in the order of theta_spec() and phi_spec(). Batches are unit-major: x[i*B + e] is input i of example e.
// An InnerStep owns its arena: one thread at a time. Compiling costs tens of milliseconds, so keep them by StepShape.
#pragma once
#include <compare>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "autodiff/plan/arena.hpp"
#include "autodiff/plan/timing.hpp"
#include "metalearn/model/tensor_list.hpp"

namespace metalearn {

enum class Activation { relu, tanh, sigmoid, elu, softplus, leaky_relu, swish, identity, step };
/// Throws std::invalid_argument naming the known ones.
Activation activation_from(const std::string& name);
std::string to_string(Activation a);
const std::vector<std::string>& activation_names();  ///< in the order of Activation

/// Penalty of the ridge regression in the published code (specification section 10): the default of the meta-objective, and what evaluations score by whatever theta was trained with.
inline constexpr double kRidge = 0.1;

/// What theta's shapes depend on, and the constants of the inner step. Symbols of specification section 1.
struct RuleConfig {
  std::string rule = "metz";
  std::int64_t H = 64;  ///< compute_h_size
  std::int64_t Q = 1;   ///< compute_h_layers
  std::int64_t S = 64;  ///< top_delta_size
  std::int64_t P = 2;   ///< top_delta_layers
  std::int64_t D = 32;  ///< delta_dim
  std::int64_t G = 4;   ///< num_grad_channels
  std::int64_t N_L = 32;  ///< width of the representation
  bool identical_updates = true;
  Activation activation = Activation::relu;
  double inner_rate = 1e-4;  ///< lambda
  double ridge = kRidge;     ///< penalty of the meta-objective's regression
  auto operator<=>(const RuleConfig&) const = default;
};

/// What the shapes of one compiled step depend on.
struct StepShape {
  std::vector<std::int64_t> widths;  ///< N_0 .. N_L
  std::int64_t batch = 128;          ///< B, unlabelled examples of an inner step
  std::int64_t classes = 10;
  std::int64_t labels_per_class = 10;
  std::int64_t averages = 1;         ///< independent pairs of labelled batches (A of section 10)
  std::int64_t coefficients = 0;     ///< columns of the targets behind those of the classes (Task::coefficients)
  bool masks = false;                ///< unlabelled batches have dropout masks of the hidden units behind their N_0 rows (base_model.hpp)
  std::int64_t labelled() const { return classes * labels_per_class; }  ///< n, examples of one labelled batch
  std::int64_t targets() const { return classes + coefficients; }       ///< columns of the targets
  /// Rows of an unlabelled batch: N_0, and with masks N_1 .. N_{L-1} more.
  std::int64_t batch_rows() const {
    std::int64_t rows = widths.front();
    for (std::size_t l = 1; masks && l + 1 < widths.size(); ++l) rows += widths[l];
    return rows;
  }
  auto operator<=>(const StepShape&) const = default;
};

/// Names, shapes and order of theta's tensors (section 3.1).
TensorList theta_spec(const RuleConfig& rule);
/// W/1.., V/1.., b/1.. (section 3.2).
TensorList phi_spec(const std::vector<std::int64_t>& widths);
/// Initial values drawn from counter-based randomness: a pure function of (seed) resp. (seed, stream).
std::vector<float> initial_theta(const RuleConfig& rule, std::uint64_t seed);
std::vector<float> initial_phi(const std::vector<std::int64_t>& widths, std::uint64_t seed, std::uint64_t stream);

/// One labelled pair's inputs: a first, then b.
template <class T>
struct LabelledPair {
  std::span<const T> x;        ///< [N_0, 2n]
  std::span<const T> targets;  ///< [2, n, classes + coefficients], standardised by standardise_targets()
};

/// Section 10, step 2: one-hot, centred over all entries, scaled to unit mean row norm. labels [n] in 0..classes-1; y [n, classes + E].
/// coefficients [n, E] are appended to the one-hot columns: these are centred among themselves, the coefficients (centred by what they are) stay, and all of it is divided by
/// the root of the mean over the rows of the summed squares of all classes + E columns. So with coefficients rows of y have unit length on average only.
template <class T>
void standardise_targets(std::span<const std::int32_t> labels, std::int64_t classes, std::span<T> y, std::span<const float> coefficients = {});

/// Share of rows of predictions [n, columns] whose largest entry among the first `classes` (0: all) is the label; n >= 1.
template <class T>
double accuracy(std::span<const T> predictions, std::span<const std::int32_t> labels, std::int64_t classes = 0);

template <class T>
class InnerStep {
 public:
  /// threads: for the loops inside kernels; 1 where tasks run in parallel. sub_segments: n > 1 computes most of the tape again, in parts of at most 1/n of it
  /// (autodiff/transform/sub_segments.hpp): less memory, more arithmetic, the same bits. Throws std::invalid_argument for shapes that can't be, or a top width that isn't theta's N_L.
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

  /// J(phi), mean over the pairs (pairs.size() == averages). predictions [averages, n, classes + coefficients] of batch b are written if not empty.
  T score(std::span<const T> phi, std::span<const LabelledPair<T>> pairs, std::span<T> predictions = {});

  /// x^L of any number of examples in one batch of 2n: features [N_L, 2n] of x [N_0, 2n] (batch norm statistics over these 2n).
  void features(std::span<const T> phi, std::span<const T> x, std::span<T> out);

  /// One step of the reverse sweep. Runs the step from phi forward, scores phi_{t+1}, then back: the adjoint of phi_{t+1} is adjoint_next + dJ/dphi_{t+1}.
  /// adjoint may be the same memory as adjoint_next. d/dtheta is added to gradient. phi_next (may be empty) receives phi_{t+1}. Returns J(phi_{t+1}).
  T turn(std::span<const T> theta, std::span<const T> phi, std::span<const T> x, std::span<const LabelledPair<T>> pairs,
         std::span<const T> adjoint_next, std::span<T> adjoint, std::span<T> gradient, std::span<T> phi_next = {});

  /// turn() in two halves, with the same bits. record: J(phi_{t+1}), which is returned, phi_next and the tape, of record_size() numbers. reverse, some time later with the same
  /// theta, x and pairs: the adjoint and d/dtheta, as turn().
  T record(std::span<const T> theta, std::span<const T> phi, std::span<const T> x, std::span<const LabelledPair<T>> pairs, std::span<T> phi_next, std::span<T> tape);
  void reverse(std::span<const T> theta, std::span<const T> tape, std::span<const T> x, std::span<const LabelledPair<T>> pairs, std::span<const T> adjoint_next, std::span<T> adjoint,
               std::span<T> gradient);
  std::size_t record_size();

  /// After a turn() with a non-finite result: where the first such number is, as autodiff::Plan::first_non_finite() says it; empty if there is none.
  /// Compiles the step once more as it is written, without fusion; the arena grows to what that needs, unless it is more than most_bytes: then the fused step is searched.
  std::string first_non_finite(std::span<const T> theta, std::span<const T> phi, std::span<const T> x, std::span<const LabelledPair<T>> pairs, std::span<const T> adjoint_next,
                               std::size_t most_bytes = std::numeric_limits<std::size_t>::max());

  /// Runs a turn() and says where its time goes, kernel by kernel.
  std::vector<autodiff::KernelTiming> profile_turn(std::span<const T> theta, std::span<const T> phi, std::span<const T> x, std::span<const LabelledPair<T>> pairs, std::span<const T> adjoint_next);

  /// Bytes of forward values that a turn() keeps for its reverse.
  std::size_t tape_bytes();
  /// What the reverse computes again within its step to keep the tape small: its arithmetic, in units of that of advance().
  double recomputed_evaluations();
  /// Multiply-adds of advance() and of turn(), as their ops state them.
  double forward_arithmetic();
  double turn_arithmetic();
  /// Bytes of the arena with which any of advance, turn, record and reverse can run.
  std::size_t unroll_bytes();
  /// The same of advance and score alone.
  std::size_t evaluation_bytes();
  /// Bytes of the arena that the plans used so far predict, and the largest end that their steps wrote to (autodiff/plan/arena.hpp): equal.
  std::size_t predicted_peak_bytes() const;
  std::size_t high_water_bytes() const;

  /// Runs in this arena from now on and gives back the one before: steps that never run at one time can share one, of which high_water_bytes() then speaks.
  autodiff::Arena exchange_arena(autodiff::Arena arena);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metalearn
