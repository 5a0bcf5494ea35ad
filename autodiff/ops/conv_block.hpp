// Block ops: batch norm and relu computed inside the convolution that reads them, and their reverse, without
// storing the activation.
//
// A block is conv -> batch norm -> relu (-> residual). Only the convolution's output z and its moments are
// kept; every reader recomputes the activation relu(normalise(z, moments, offset, eps)), tile by tile.
// transform/fuse_blocks.hpp introduces these ops. Specification section 2 (CBR) and 6.4.
#pragma once
#include <span>

#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// Describes relu(normalise(z, moments, offset, eps)): z [.., C], moments [2, C], offset [C].
struct Normalised {
  Var z, moments, offset;
};

/// Sum of one or two activations of equal shape.
Var block_activation(std::span<const Normalised> addends, double eps, Location at = here());
/// conv(block_activation(addends), w, b, axis); b may be empty.
Var block_conv(std::span<const Normalised> addends, double eps, Var w, Var b, int axis, Location at = here());
/// The adjoint of block_conv's weights [k, C, O], from the adjoint g of its output.
Var block_conv_weight_reverse(std::span<const Normalised> addends, double eps, Var g, Index k, int axis,
                              Location at = here());
/// Two sums per channel over all leading axes [2, C]: of the adjoint that passes the relu (the adjoint of
/// offset), and of this adjoint times the normalised z.
Var block_sums(const Normalised& n, double eps, Var adjoint, Location at = here());
/// The adjoint of z, also through its moments, from the adjoint of the activation and its block_sums().
Var block_reverse(const Normalised& n, double eps, Var adjoint, Var sums, Location at = here());

void register_conv_block_ops();

}  // namespace autodiff
