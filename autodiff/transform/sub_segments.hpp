// Sub-segments: parts of a forward pass that serve only one value, found by dominators of the graph.
//
// A value h dominates v if every path from v to the forward outputs passes through h. A reverse that keeps h
// needs the values that h dominates only when it reaches h, so it can recompute them then: only one
// sub-segment is in memory at a time. T. Lengauer and R. E. Tarjan, A fast algorithm for finding dominators
// in a flowgraph, ACM TOPLAS 1(1), 1979.
#pragma once
#include <span>
#include <vector>

#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// By node id.
struct SubSegments {
  std::vector<char> head;    ///< whether it is the head (the one value served) of a sub-segment
  std::vector<char> inside;  ///< whether a head dominates it
};

/// The largest sub-segments that keep at most `most` numbers inside, and more than the head itself has. They
/// don't overlap. forward_outputs: the outputs of the forward pass; kept: by node id, the values that the
/// reverse would keep.
SubSegments find_sub_segments(std::span<const Var> forward_outputs, const std::vector<char>& kept,
                              double most);

}  // namespace autodiff
