// Elementwise ops of one and two operands. Two operands broadcast as in NumPy: shapes align at the right, an
// extent of 1 stretches.
//
// Gradients: tests/autodiff/registry_test.cpp. Conventions at kinks: relu'(0) = 0, d|x| = 0 at 0, sign' =
// step' = 0 everywhere (specification section 2).
#pragma once
#include <optional>
#include <span>
#include <variant>

#include "autodiff/graph/graph.hpp"
#include "autodiff/kernels/kernels.hpp"

namespace autodiff {

/// A Var with its location in the source: lets operators record theirs.
struct Operand {
  Var var;
  Location at;
  Operand(Var v, Location l = here()) : var(v), at(l) {}  // NOLINT: implicit on purpose
};

Var add(Var x, Var y, Location at = here());
Var sub(Var x, Var y, Location at = here());
Var mul(Var x, Var y, Location at = here());
Var div(Var x, Var y, Location at = here());
/// y > 0 ? x : 0, same shapes. The reverse of relu. Gives y no gradient.
Var gate(Var x, Var y, Location at = here());

inline Var operator+(Operand x, Var y) { return add(x.var, y, x.at); }
inline Var operator-(Operand x, Var y) { return sub(x.var, y, x.at); }
inline Var operator*(Operand x, Var y) { return mul(x.var, y, x.at); }
inline Var operator/(Operand x, Var y) { return div(x.var, y, x.at); }

/// scale * x + shift, constants.
Var affine(Var x, double scale, double shift, Location at = here());
inline Var operator*(Operand x, double scale) { return affine(x.var, scale, 0, x.at); }
inline Var operator*(double scale, Operand x) { return affine(x.var, scale, 0, x.at); }
inline Var operator/(Operand x, double divisor) { return affine(x.var, 1 / divisor, 0, x.at); }
inline Var operator+(Operand x, double shift) { return affine(x.var, 1, shift, x.at); }
inline Var operator-(Operand x, double shift) { return affine(x.var, 1, -shift, x.at); }

Var neg(Var x, Location at = here());  ///< -x, also of zero
inline Var operator-(Operand x) { return neg(x.var, x.at); }

Var square(Var x, Location at = here());
Var sqrt(Var x, Location at = here());
Var rsqrt(Var x, Location at = here());       ///< 1 / sqrt(x)
Var reciprocal(Var x, Location at = here());  ///< 1 / x
Var exp(Var x, Location at = here());
Var log(Var x, Location at = here());
Var abs(Var x, Location at = here());
Var sign(Var x, Location at = here());  ///< -1, 0 or 1; zero derivative
Var step(Var x, Location at = here());  ///< 1 if x > 0 else 0; zero derivative
Var relu(Var x, Location at = here());
Var leaky_relu(Var x, double slope, Location at = here());  ///< x > 0 ? x : slope * x
Var elu(Var x, Location at = here());                       ///< x > 0 ? x : exp(x) - 1
Var sigmoid(Var x, Location at = here());
Var tanh(Var x, Location at = here());
Var softplus(Var x, Location at = here());  ///< log(1 + exp(x))
Var swish(Var x, Location at = here());     ///< x * sigmoid(x)

void register_elementwise_ops();

// For passes: they identify elementwise ops by the functions they compute.

using Elementwise = std::variant<kernels::Unary, kernels::Binary>;

struct AffineAttributes {
  double scale = 1, shift = 0;
};
struct LeakyReluAttributes {
  double slope = 0;
};
/// The parameters as kernels take them: p and q of kernels::Kernels::unary, 0 if a function has none.
struct ElementwiseParameters {
  double p = 0, q = 0;
};

/// The op of a function. Null for copy and fill, which have no op.
const OpDef* elementwise_op(Elementwise function);
inline bool is(const Node& node, Elementwise function) { return node.op == elementwise_op(function); }
/// The elementwise function that an op computes; empty if it is not elementwise.
std::optional<Elementwise> elementwise_function(const OpDef& op);
/// Of a node whose op is elementwise.
ElementwiseParameters elementwise_parameters(const Node& node);
/// Records the op of a function. Throws std::invalid_argument if it has none.
Var record_elementwise(Elementwise function, std::span<const Var> operands, ElementwiseParameters parameters,
                       Location at = here());

}  // namespace autodiff
