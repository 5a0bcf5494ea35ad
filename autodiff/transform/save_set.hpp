// Save set: which forward values the tape keeps and which the reverse recomputes, chosen by a minimum cut.
//
// Every forward value that the reverse needs is either kept (cost: its size) or recomputed from kept values,
// inputs and constants (cost: its arithmetic, at a price in numbers per multiply-add). In a flow network over
// the forward graph both costs are the capacity of a cut between inputs and the values that the reverse
// reads, so a minimum cut is the cheapest choice. Recomputation runs the same kernels on the same values: it
// never changes bits.
#pragma once
#include "autodiff/transform/rewritten.hpp"
#include "autodiff/transform/sub_segments.hpp"

namespace autodiff {

struct SaveSet {
  std::vector<char> kept, recomputed;  ///< by node id; a forward value that the reverse does not need is
                                       ///< neither, unless it is inside a sub-segment
  double numbers = 0;                  ///< that the tape keeps
  double extra = 0;                    ///< recomputed multiply-adds, including the insides of sub-segments
};

/// The forward part is what the first `forward_outputs` outputs depend on; the rest of the graph is its
/// reverse. price: numbers of tape that one multiply-add is worth, above 0; the lower, the more is
/// recomputed. parts: heads of sub-segments are not recomputed, and recomputing their insides costs nothing.
/// Throws std::invalid_argument if price or forward_outputs is out of range.
SaveSet choose_save_set(std::span<const Var> outputs, std::size_t forward_outputs, double price,
                        const SubSegments& parts = {});

/// The graph in which values are recomputed right before the reverse first needs them. REQUIRES an empty
/// `target`.
Rewritten recompute(std::span<const Var> inputs, std::span<const Var> outputs, std::size_t forward_outputs,
                    const SaveSet& saved, Graph& target);

}  // namespace autodiff
