// Conv kernels: conv, its weight gradient and the block ops built on them, in tiles that depend only on
// shapes.
//
// Two methods: directly, as a sum of shifted products, one per tap; and in quads, four neighbouring positions
// at a time (Winograd F(4, 3), kernels/winograd.hpp), with half the multiplications. Internal to ops/.
#pragma once
#include <algorithm>

#include "autodiff/graph/op.hpp"
#include "autodiff/kernels/kernels.hpp"

namespace autodiff {

inline constexpr Index kMaxTaps = 15;

/// x [A0, A1, C] -> y [A0, A1, O] with k taps along axis 0 (units) or 1 (examples).
struct ConvShape {
  Index A0, A1, C, O, k;
  bool along_units;

  /// THE RULE when quads pay: three taps, at least four positions, enough channels that the products outweigh
  /// the transforms, and few enough that a strip fits the cache.
  bool in_quads() const;
  /// Uses quads, and no position is left over: then the kernels below can also read activations.
  bool can_activate() const;
};

/// x unchanged.
template <class T>
kernels::Activations<T> as_it_is(const T* x) {
  kernels::Activations<T> a;
  a.z[0] = x;
  return a;
}

/// The same at offset `numbers`.
template <class T>
kernels::Activations<T> moved(kernels::Activations<T> x, Index numbers) {
  for (int a = 0; a < (x.addends > 1 ? x.addends : 1); ++a) x.z[a] += numbers;
  return x;
}

/// Of conv x -> y with k taps.
inline ConvShape conv_shape(const Shape& x, const Shape& y, Index k, int axis) {
  return {x[0], x[1], x[2], y[2], k, axis == 0};
}

/// Rows of a bias per unit, for a conv along examples: for the first example, those in between and the last,
/// if there are that many.
inline Index edge_rows(Index examples) { return std::min<Index>(3, examples); }

/// y = conv(x, w) + bias (may be null), with x unchanged or, if the shape allows it, activated while it is
/// read. per_unit: bias is [A0, edge_rows(A1), O].
template <class T>
void run_conv(const ConvShape& shape, const kernels::Activations<T>& x, const T* w, const T* bias, T* y,
              T* scratch, const Parallel& parallel, bool per_unit = false);
/// Numbers of scratch for that.
Index conv_scratch(const ConvShape& shape);

/// dw [k, C, O], from x (as above) and the adjoint g of y.
template <class T>
void run_conv_weight_reverse(const ConvShape& shape, const kernels::Activations<T>& x, const T* g, T* dw,
                             T* scratch, const Parallel& parallel);
Index conv_weight_reverse_scratch(const ConvShape& shape);

}  // namespace autodiff
