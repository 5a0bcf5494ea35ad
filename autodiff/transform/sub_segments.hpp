// Sub-segments: parts of a forward pass that are computed for the sake of one value alone, by dominators of
// the graph.
//
// A value h dominates v where every way from v to the forward outputs leads through h. A reverse that keeps h
// needs nothing of what h dominates before it comes there itself, so it can compute that again right then: of
// all sub-segments only one is in memory at a time. T. Lengauer and R. E. Tarjan, A fast algorithm for
// finding dominators in a flowgraph, ACM TOPLAS 1(1), 1979.
#pragma once
#include <span>
#include <vector>

#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// By node id.
struct SubSegments {
  std::vector<char> head;    ///< is it the value that a sub-segment is there for?
  std::vector<char> inside;  ///< does a head dominate it?
};

/// The largest sub-segments within which at most `most` numbers are kept, and more than the head has itself.
/// They don't overlap. forward_outputs: those of the forward pass; kept: by node id, the values that the
/// reverse would keep.
SubSegments find_sub_segments(std::span<const Var> forward_outputs, const std::vector<char>& kept,
                              double most);

}  // namespace autodiff
