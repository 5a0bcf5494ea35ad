// Pipeline: the passes from a recorded graph to its plan, in order: simplify, fuse, choose what the tape
// keeps.
#pragma once
#include "autodiff/transform/rewritten.hpp"

namespace autodiff {

struct TransformOptions {
  bool fuse = true;                 ///< replace groups of nodes by fused ops; otherwise every op of the user
                                    ///< runs separately (tests compare both)
  std::size_t forward_outputs = 0;  ///< the first so many outputs are the forward pass; the others are its
                                    ///< reverse and may recompute forward values. 0: the graph is not divided
  double recompute_price = 0;       ///< how many numbers of tape one multiply-add of recomputation is worth
                                    ///< (transform/save_set.hpp); 0: keep everything that the reverse reads
  int sub_segments =
      1;  ///< with a price: n > 1 cuts the tape into parts of at most 1/n of it, where the graph has
          ///< cut points (transform/sub_segments.hpp); everything except the cuts is recomputed
};

/// Writes the graph from which a plan is compiled to `target`, which must be empty. Inputs and outputs as for
/// simplify().
Rewritten transform(std::span<const Var> inputs, std::span<const Var> outputs,
                    const TransformOptions& options, Graph& target);

}  // namespace autodiff
