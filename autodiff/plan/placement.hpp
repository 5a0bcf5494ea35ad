// Placement: where every value of a graph lives: in the caller's memory, among the constants or in the arena.
// A pure function; the reported size of the arena is exact.
//
// Not every value has memory of its own. A view (OpDef::view) is a part of its operand; an operand of a
// joining op (OpDef::joins) is computed in the joined value's memory; and an in-place kernel
// (OpDef::in_place) overwrites an operand that is not used again.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// `offset` bytes from a base. The bases are the arena, the constants, the tape, then the inputs and the
/// outputs in the order in which a run binds them.
struct Place {
  static constexpr std::uint32_t kArena = 0, kConstants = 1, kTape = 2, kInputs = 3;
  std::uint32_t base = kArena;
  std::size_t offset = 0;
  bool operator==(const Place&) const = default;
};

/// The values to place.
struct Computation {
  const Graph& graph;
  std::span<const Var> inputs, outputs;
  std::span<const NodeId> order;   ///< the nodes that compute (not views), inputs before their users
  std::span<const Index> scratch;  ///< numbers of working memory, per node of `order`
  std::size_t number_bytes;
  bool in_place;  ///< let kernels overwrite operands
  std::size_t forward_steps =
      0;  ///< where not 0: the first so many of `order` are the forward pass, and what they compute and the
          ///< others read lives on a tape of its own, not in the arena
  std::size_t forward_outputs = 0;  ///< then: so many of `outputs`, the first ones, are the forward pass's
};

struct Placement {
  struct Step {
    std::size_t index = 0;  ///< in `order`
    std::vector<Place> in;
    Place out, scratch;
    std::size_t end = 0;  ///< of the arena bytes that it writes
  };
  struct Copy {
    NodeId node = kNoNode;
    Place from;
    std::size_t output = 0;
  };
  std::vector<Step> steps;   ///< those of `order` that have anything to do: a joined value all of whose
                             ///< operands are computed in place is there already
  std::vector<Copy> copies;  ///< after them (those of the forward pass after its steps): outputs that can't
                             ///< be computed where the caller wants them (inputs, constants, parts of values,
                             ///< the second of two that are one, what is on the tape)
  std::vector<NodeId> constants;  ///< those that are used, one after the other
  std::vector<NodeId> value_of;   ///< by node: the one that it is a view of, itself if it is none
  std::vector<NodeId>
      joined_in;  ///< by node: the joined value in whose memory it is computed, kNoNode if there is none
  std::vector<char> in_arena;  ///< by node: whether it is computed, and there or on the tape
  std::size_t arena_bytes = 0;
  std::size_t tape_bytes = 0;
};

Placement place_values(const Computation& computation);

}  // namespace autodiff
