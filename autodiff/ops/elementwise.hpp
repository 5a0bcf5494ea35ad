// Elementwise ops of one and two operands. Two operands broadcast as in NumPy: shapes align at the right, an
// extent of 1 stretches.
//
// Gradients: tests/autodiff/registry_test.cpp. Conventions at kinks: relu'(0) = 0, d|x| = 0 at 0, sign' =
// step' = 0 everywhere (specification section 2).
#pragma once
#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// A Var with the place where it was written: lets operators record their location.
struct Operand {
  Var var;
  Location at;
  Operand(Var v, Location l = here()) : var(v), at(l) {}  // NOLINT: implicit on purpose
};

Var add(Var x, Var y, Location at = here());
Var sub(Var x, Var y, Location at = here());
Var mul(Var x, Var y, Location at = here());
Var div(Var x, Var y, Location at = here());
/// y > 0 ? x : 0, same shapes. The reverse of relu. No gradient to y.
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

/// A function of one or two operands by number: kernels::Unary, or kBinaryFunctions + kernels::Binary. Passes
/// speak of elementwise ops by these.
inline constexpr int kBinaryFunctions = 32, kFunctions = kBinaryFunctions + 5;
/// The function that an op computes element by element; -1 if it is none of them.
int elementwise_function(const OpDef& op);
/// How many numbers its attributes have (at most two); -1 if there is no function of that number.
int elementwise_reals(int function);
/// Records the op of a function, whose attributes are the first of p and q. Throws std::invalid_argument if
/// there is none of that number.
Var record_elementwise(int function, std::span<const Var> operands, double p, double q, Location at = here());

}  // namespace autodiff
