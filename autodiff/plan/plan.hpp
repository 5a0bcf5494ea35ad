// Plan: a compiled graph. Ordered kernels, each reading and writing at fixed offsets of one arena, at the caller's buffers or at constants.
//
// Compile once, replay often: run() allocates nothing. Const after compiling; any number of threads may run one plan, each with an arena of its own.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "autodiff/graph/op.hpp"
#include "autodiff/plan/arena.hpp"

namespace autodiff {

struct PlanOptions {
  bool in_place = true;  ///< let kernels that can (OpDef::in_place) write over an operand that is not used again
};

template <class T>
class Plan {
 public:
  /// inputs: input nodes, bound in this order at run time. outputs: nodes whose values the caller receives, in this order.
  Plan(std::span<const Var> inputs, std::span<const Var> outputs, PlanOptions options = {});

  /// Exact peak of the arena, in bytes.
  std::size_t peak_bytes() const { return peak_; }
  /// Arithmetic of one run as the ops state it, in multiply-adds.
  double cost() const { return cost_; }

  /// inputs[i] and outputs[i] point to as many numbers as the node has; outputs overlap neither inputs nor each other. The arena grows to peak_bytes().
  void run(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena, const Parallel& parallel) const;

  /// Looks at the inputs, then runs and looks at every value. Where the first number is found that is not finite: "input 'x' is already not finite, recorded at .."
  /// or the node that makes it out of finite ones, as "op, recorded at file:line in scope a/b".
  std::optional<std::string> first_non_finite(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena, const Parallel& parallel) const;

 private:
  enum class Place : std::uint8_t { arena, input, output, constant };
  struct Address {
    Place place = Place::arena;
    std::size_t offset = 0;  // arena: bytes; input, output: which; constant: index of the first number
  };
  struct Step {
    Kernel<T> kernel;
    std::vector<Address> in;
    Address out;
    std::size_t scratch_offset = 0;
    std::size_t reach = 0;  // end of the arena bytes that it writes
    Index size = 0;         // of out
    std::string name;       // op and place, for messages
  };
  template <class After>
  void replay(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena, const Parallel& parallel, After after) const;

  struct Input {
    Index size = 0;
    std::string name;  // with its place, for messages
  };
  std::vector<Step> steps_;
  std::vector<T> constants_;
  std::vector<Input> inputs_;
  std::size_t outputs_ = 0, most_operands_ = 0;
  std::size_t operand_table_ = 0;  // bytes at the arena's start: the pointers handed to a kernel
  std::size_t peak_ = 0;
  double cost_ = 0;
};

}  // namespace autodiff
