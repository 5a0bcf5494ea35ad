// Pipeline: the passes between a recorded graph and its plan, in their order: simplify, fuse, choose what the
// tape keeps.
#pragma once
#include "autodiff/transform/rewritten.hpp"

namespace autodiff {

struct TransformOptions {
  bool fuse = true;  ///< let fused ops take the place of groups of nodes; without it every op of the user
                     ///< runs by itself (tests compare both)
  std::size_t forward_outputs =
      0;  ///< so many of the outputs, the first ones, are the forward pass; the others are its reverse and
          ///< may compute forward values again. 0: no such parts
  double recompute_price = 0;  ///< numbers of tape that a multiply-add of recomputation is worth
                               ///< (transform/save_set.hpp); 0: keep all that the reverse reads
  int sub_segments =
      1;  ///< with a price: n > 1 cuts the tape into parts of at most 1/n of it, as far as the graph has
          ///< places to cut at (transform/sub_segments.hpp), and all but the cuts is computed again
};

/// The graph that a plan is compiled from, in `target`, which must be empty. Inputs and outputs as simplify()
/// has them.
Rewritten transform(std::span<const Var> inputs, std::span<const Var> outputs,
                    const TransformOptions& options, Graph& target);

}  // namespace autodiff
