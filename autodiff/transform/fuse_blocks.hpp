// Fuse blocks: batch norm and relu move into the convolutions that read them (ops/conv_block.hpp), forward
// and reverse.
//
// A pass over a simplified and differentiated graph, so it finds the pattern wherever a user wrote it:
//
//   conv(a, w, b), conv_weight_reverse(a, g)    -> block_conv, block_conv_weight_reverse
//     with a = relu(normalise(z, m, o)), or the sum of two such
//   batch_norm_reverse(z, m, gate(g, a))        -> block_reverse with its block_sums
//     and the sum of that gate over the leading axes
//   the sum of a batch_norm_reverse over the leading axes    -> 0
//     (a bias before a batch norm: exactly zero for every adjoint)
//   a, if another node reads it -> block_activation
//
// Nodes that become unused are left to the pass that drops nodes on which no output depends.
#pragma once
#include "autodiff/transform/rewritten.hpp"

namespace autodiff {

/// inputs: all input nodes of the graph. REQUIRES an empty `target`.
Rewritten fuse_blocks(std::span<const Var> inputs, std::span<const Var> outputs, Graph& target);

}  // namespace autodiff
