// Plan: a compiled graph: a sequence of kernels that read and write at fixed offsets in one arena, the
// caller's buffers or the constants.
//
// Compile once, replay often: run() allocates nothing. Immutable after compilation; any number of threads may
// run one plan, each with its own arena.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "autodiff/graph/op.hpp"
#include "autodiff/plan/arena.hpp"
#include "autodiff/plan/placement.hpp"
#include "autodiff/plan/timing.hpp"
#include "autodiff/transform/pipeline.hpp"

namespace autodiff {

struct PlanOptions {
  bool in_place =
      true;  ///< let in-place kernels (OpDef::in_place) overwrite an operand that is not used again
  double spread_above = 100e-6;  ///< seconds of work, estimated from arithmetic and memory traffic, up to
                                 ///< which a kernel stays in one thread: waking others costs as much
  TransformOptions transform = {};
  bool halves = false;  ///< for run_forward() and run_reverse() instead of run(); REQUIRES
                        ///< transform.forward_outputs > 0
};

template <class T>
class Plan {
 public:
  /// inputs: input nodes, in the order in which run() binds them. outputs: nodes whose values run() returns,
  /// in this order.
  Plan(std::span<const Var> inputs, std::span<const Var> outputs, PlanOptions options = {});

  /// Exact peak of the arena, in bytes.
  std::size_t peak_bytes() const { return peak_; }
  /// Bytes of the tape: the values that the forward pass computes in the arena and its reverse reads. 0 if
  /// options.transform.forward_outputs is 0.
  std::size_t tape_bytes() const { return tape_; }
  /// Arithmetic of one run by the ops' costs, in multiply-adds.
  double cost() const { return cost_; }

  /// inputs[i] and outputs[i] point to the numbers of one node; outputs overlap neither inputs nor each
  /// other. The arena grows to peak_bytes().
  void run(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena,
           const Parallel& parallel) const;

  /// run() in two halves, for a tape that outlives its arena: the forward pass computes the forward outputs
  /// (options.transform.forward_outputs of them) and writes to `tape` the values that the rest reads; the
  /// rest computes the other outputs, with the same inputs and tape. The same bits as run(). Between the
  /// halves the arena is free for other use. tape has tape_numbers() numbers, best aligned to cache lines.
  /// REQUIRES options.halves.
  void run_forward(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena,
                   const Parallel& parallel, std::span<T> tape) const;
  void run_reverse(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena,
                   const Parallel& parallel, std::span<const T> tape) const;
  std::size_t tape_numbers() const { return tape_numbers_; }

  /// Checks the inputs, then runs and checks every value. Returns where the first non-finite number appears:
  /// "input 'x' is already not finite, recorded at .." or the node that makes it from finite ones, as "op,
  /// recorded at file:line in scope a/b".
  std::optional<std::string> first_non_finite(std::span<const T* const> inputs, std::span<T* const> outputs,
                                              Arena& arena, const Parallel& parallel) const;

  /// Runs and measures the time of every kernel, in order.
  std::vector<KernelTiming> profile(std::span<const T* const> inputs, std::span<T* const> outputs,
                                    Arena& arena, const Parallel& parallel) const;

 private:
  // The data needed to replay a step. Small and contiguous: for a one-element op reading it takes most of the
  // time.
  struct Call {
    std::function<void(const KernelArguments<T>&)> kernel;
    std::uint32_t first_operand = 0, operands = 0;  // in operands_
    Place out;
    std::size_t scratch = 0;  // byte offset from the arena's values
    bool spread = false;      // over threads, if there are several
  };
  // Data for messages and timings.
  struct Step {
    std::string op;
    Location location;
    std::uint32_t scope = 0;
    Index size = 0;         // of out
    double cost = 0;        // multiply-adds
    std::size_t reach = 0;  // end of the arena bytes written up to this step
  };
  void add(Call call, std::span<const Place> in, Step step);
  std::string where(const Step& step) const { return recorded_at(step.location, scopes_[step.scope]); }
  // Runs calls first .. last-1; after(step, out), called after each, returns whether to continue.
  struct Range {
    std::size_t first, last;
  };
  template <class After>
  void replay(Range calls, std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena,
              const Parallel& parallel, T* tape, After after) const;
  template <class After>
  void replay(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena,
              const Parallel& parallel, After after) const;
  void expect_halves(std::size_t numbers) const;

  struct Input {
    Index size = 0;
    std::string name;  // with its location, for messages
  };
  std::vector<Call> calls_;
  std::vector<Place> operands_;
  std::vector<Step> steps_;  // one per call
  std::vector<T> constants_;
  std::vector<Input> inputs_;
  std::size_t forward_calls_ = 0;  // the first ones
  std::vector<std::string> scopes_;
  std::size_t outputs_ = 0, most_operands_ = 0;
  std::size_t tables_ =
      0;  // bytes at the arena's start: the bases of a run, and the pointers handed to a kernel
  std::size_t peak_ = 0, tape_ = 0, tape_numbers_ = 0;
  bool halves_ = false;
  double cost_ = 0;
};

}  // namespace autodiff
