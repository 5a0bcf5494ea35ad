// Conv kernels: how conv, its weight gradient and the block ops of the same run, in tiles that depend on
// shapes only.
//
// Two ways: directly, as a sum of shifted products of the whole taps; and in fours of neighbouring positions
// (Winograd F(4, 3), kernels/winograd.hpp), which takes half the multiplications. Internal to ops/.
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

  /// THE RULE when fours pay: three taps, four positions or more, and enough channels that the products
  /// outweigh what is made before and after, few enough that a strip fits the cache.
  bool in_quads() const;
  /// In fours, and no position is left over: then the kernels below read activations too.
  bool can_activate() const;
};

/// x as it is.
template <class T>
kernels::Activations<T> as_it_is(const T* x) {
  kernels::Activations<T> a;
  a.z[0] = x;
  return a;
}

/// The same from `numbers` further on.
template <class T>
kernels::Activations<T> moved(kernels::Activations<T> x, Index numbers) {
  for (int a = 0; a < (x.addends > 1 ? x.addends : 1); ++a) x.z[a] += numbers;
  return x;
}

/// Of conv x -> y with k taps.
inline ConvShape conv_shape(const Shape& x, const Shape& y, Index k, int axis) {
  return {x[0], x[1], x[2], y[2], k, axis == 0};
}

/// Rows of a bias of its own per unit, of a conv along examples: for the first example, all in between and
/// the last, as far as there are as many.
inline Index edge_rows(Index examples) { return std::min<Index>(3, examples); }

/// y = conv(x, w) + bias (may be null), with x as it is or, where the shape can, activated while it is read.
/// per_unit: bias is [A0, edge_rows(A1), O].
template <class T>
void run_conv(const ConvShape& shape, const kernels::Activations<T>& x, const T* w, const T* bias, T* y,
              T* scratch, const Parallel& parallel, bool per_unit = false);
/// Numbers of scratch of that.
Index conv_scratch(const ConvShape& shape);

/// dw [k, C, O], from x likewise and the adjoint g of y.
template <class T>
void run_conv_weight_reverse(const ConvShape& shape, const kernels::Activations<T>& x, const T* g, T* dw,
                             T* scratch, const Parallel& parallel);
Index conv_weight_reverse_scratch(const ConvShape& shape);

}  // namespace autodiff
