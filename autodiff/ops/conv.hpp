// Convolution of odd length along one of the two leading axes of [A0, A1, C], without im2col: a sum of
// shifted products.
//
// Specification section 2. Gradients: tests/autodiff/registry_test.cpp.
#pragma once
#include <span>

#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// Cross-correlation, stride 1, zero padding (k-1)/2: along axis 0  y[s, t, o] = b[o] + sum_{j, c} x[s + j -
/// (k-1)/2, t, c] w[j, c, o], along axis 1 the same in t. x [A0, A1, Cin], w [k, Cin, Cout] with k odd, b
/// [Cout] or empty -> [A0, A1, Cout]. Along axis 1, b may be [A0, min(3, A1), Cout] instead: the bias of each
/// s at its first t, at those in between and at its last. So inputs that are constant along t need not be in
/// x (because of the padding they contribute differently at the ends).
Var conv(Var x, Var w, Var b, int axis, Location at = here());
/// The adjoint of conv's weights [k, Cin, Cout], from x and the adjoint g [A0, A1, Cout] of its output.
Var conv_weight_reverse(Var x, Var g, Index k, int axis, Location at = here());

void register_conv_ops();

// For passes and for ops built on these: handles, attributes and shape rules.

const OpDef& conv_op();
const OpDef& conv_weight_reverse_op();

struct ConvAttributes {
  int axis = 0;
};
struct ConvWeightReverseAttributes {
  int axis = 0;
  Index k = 0;  ///< taps
};
Shape infer_conv(std::span<const Shape> in, ConvAttributes a);
Shape infer_conv_weight_reverse(std::span<const Shape> in, ConvWeightReverseAttributes a);

}  // namespace autodiff
