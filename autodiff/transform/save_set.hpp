// Save set: which forward values the tape keeps, and which the reverse computes again, as a minimum cut.
//
// Every forward value that the reverse needs is either kept (it costs its numbers) or computed again from
// what is kept, inputs and constants (it costs its arithmetic, at a price in numbers per multiply-add). A
// flow network over the forward graph makes both the capacity of a cut between what is always there and what
// the reverse reads, so a minimum cut is the cheapest choice. Recomputing runs the same kernels on the same
// values: it never changes bits.
#pragma once
#include "autodiff/transform/rewritten.hpp"
#include "autodiff/transform/sub_segments.hpp"

namespace autodiff {

struct SaveSet {
  std::vector<char> kept, recomputed;  ///< by node id of the graph; a forward value that the reverse does not
                                       ///< need is neither, unless it is inside a sub-segment
  double numbers = 0;                  ///< that the tape keeps
  double extra = 0;                    ///< multiply-adds computed again, those of all insides counted
};

/// The forward part is what the first `forward_outputs` outputs depend on; the rest of the graph is its
/// reverse. price: numbers of tape that one multiply-add is worth, above 0: the lower, the more is computed
/// again. parts: heads of sub-segments are not computed again, and what is inside costs nothing. Throws
/// std::invalid_argument where price or forward_outputs is none.
SaveSet choose_save_set(std::span<const Var> outputs, std::size_t forward_outputs, double price,
                        const SubSegments& parts = {});

/// The graph with the recomputed values computed again right before the reverse first needs them. `target` is
/// empty.
Rewritten recompute(std::span<const Var> inputs, std::span<const Var> outputs, std::size_t forward_outputs,
                    const SaveSet& saved, Graph& target);

}  // namespace autodiff
