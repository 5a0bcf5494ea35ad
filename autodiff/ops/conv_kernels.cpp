#include "autodiff/ops/conv_kernels.hpp"

#include <algorithm>

#include "autodiff/ops/tiles.hpp"

namespace autodiff {

namespace {

using kernels::Activations;
using kernels::Pairs;

// Taps j for which position p + j - r lies inside an axis of n positions.
struct Taps {
  Index begin, end;
};
Taps taps_inside(Index p, Index n, Index k) {
  const Index r = k / 2;
  return {std::max<Index>(0, r - p), std::min(k, n + r - p)};
}

Index extent(const ConvShape& s) { return s.along_units ? s.A0 : s.A1; }
Index slabs_per_tile(const ConvShape& s) { return std::max<Index>(1, kTileElements / (s.A1 * std::max(s.C, s.O))); }

// Slabs of a chunk of the weight gradient; pairs of slabs stay together.
Index slabs_per_chunk(const ConvShape& s) {
  const Index slabs = std::max<Index>(1, 2048 / s.A1);
  return s.along_units && s.in_pairs() ? (slabs + 1) / 2 * 2 : slabs;
}

// ---- direct ---------------------------------------------------------------------------------------------------------------------------

// Slab n (all of axis 1) of a convolution along units: a sum over taps of products with the neighbouring slabs.
template <class T>
void direct_slab(const ConvShape& s, Index n, const T* x, const T* w, const T* bias, T* y) {
  const Taps taps = taps_inside(n, s.A0, s.k);
  const T *a[kMaxTaps], *b[kMaxTaps];
  for (Index j = taps.begin; j < taps.end; ++j) {
    a[j - taps.begin] = x + (n + j - s.k / 2) * s.A1 * s.C;
    b[j - taps.begin] = w + j * s.C * s.O;
  }
  kernels::active<T>().product({.M = s.A1, .N = s.O, .K = s.C, .terms = taps.end - taps.begin, .a = a, .a_row = s.C, .a_col = 1, .b = b, .ldb = s.O,
                                .c = y + n * s.A1 * s.O, .ldc = s.O, .bias = bias});
}

// Positions [first, last) of slab n, along examples: those that see all taps as one product whose rows overlap, row t being the k C numbers from t - r on.
template <class T>
void direct_rows(const ConvShape& s, Index n, Index first, Index last, const T* x, const T* w, const T* bias, T* y) {
  const Index r = s.k / 2;
  while (first < last) {
    const Taps taps = taps_inside(first, s.A1, s.k);
    const Index end = taps.begin > 0 || taps.end < s.k ? first + 1 : std::min(last, s.A1 - r);
    const T* a = x + (n * s.A1 + first + taps.begin - r) * s.C;
    const T* b = w + taps.begin * s.C * s.O;
    kernels::active<T>().product({.M = end - first, .N = s.O, .K = (taps.end - taps.begin) * s.C, .a = &a, .a_row = s.C, .a_col = 1, .b = &b, .ldb = s.O,
                                  .c = y + (n * s.A1 + first) * s.O, .ldc = s.O, .bias = bias});
    first = end;
  }
}

// What the outputs at slabs [n0, n1), positions [t0, t1) of each, add to dw.
template <class T>
void direct_weight_reverse(const ConvShape& s, Index n0, Index n1, Index t0, Index t1, const T* x, const T* g, T* dw) {
  const Index r = s.k / 2;
  // Rows [first, last) of g, which tap j pairs with those of x that lie `shift` further on.
  const auto tap = [&](Index j, Index first, Index last, Index shift) {
    if (first >= last) return;
    const T *a = x + (first + shift) * s.C, *b = g + first * s.O;
    kernels::active<T>().product({.M = s.C, .N = s.O, .K = last - first, .a = &a, .a_row = 1, .a_col = s.C, .b = &b, .ldb = s.O, .c = dw + j * s.C * s.O, .ldc = s.O, .accumulate = true});
  };
  for (Index j = 0; j < s.k; ++j) {
    if (s.along_units) {
      tap(j, std::max(n0, r - j) * s.A1, std::min(n1, s.A0 + r - j) * s.A1, (j - r) * s.A1);
    } else {
      for (Index n = n0; n < n1; ++n) tap(j, n * s.A1 + std::max(t0, r - j), n * s.A1 + std::min(t1, s.A1 + r - j), j - r);
    }
  }
}

// ---- in pairs -------------------------------------------------------------------------------------------------------------------------

// Calls f(pairs, position of the first output, distance of the two outputs of a pair, and of those of neighbouring pairs) for all whole pairs of slabs [n0, n1);
// n0 is even along units. A position counts rows of [A0 * A1, C].
template <class T, class F>
void for_pairs(const ConvShape& s, Index n0, Index n1, const Activations<T>& x, F f) {
  if (s.along_units) {
    for (Index n = n0; n + 2 <= n1; n += 2) {
      f(Pairs<T>{.rows = s.A1, .C = s.C, .x = moved(x, n * s.A1 * s.C), .row = s.C, .step = s.A1 * s.C, .before = n > 0, .after = n + 2 < s.A0}, n * s.A1, s.A1, 1);
    }
  } else {
    const Index run = s.A1 / 2, together = s.A1 % 2 == 0 ? n1 - n0 : 1;  // slabs of even length follow one another as one long row of pairs
    for (Index n = n0; n < n1; n += together) {
      f(Pairs<T>{.rows = together * run, .C = s.C, .x = moved(x, n * s.A1 * s.C), .row = 2 * s.C, .step = s.C, .run = run, .after = s.A1 % 2 == 1}, n * s.A1, 1, 2);
    }
  }
}

}  // namespace

bool ConvShape::in_pairs() const {
  constexpr Index least = 8;
  return k == 3 && std::min(C, O) >= least && std::max(C, O) <= kernels::kMostPairChannels && extent(*this) >= 2;
}

bool ConvShape::can_activate() const { return in_pairs() && extent(*this) % 2 == 0; }

Index conv_scratch(const ConvShape& s) { return s.in_pairs() ? 4 * s.C * s.O : 0; }

template <class T>
void run_conv(const ConvShape& s, const Activations<T>& x, const T* w, const T* bias, T* y, T* scratch, const Parallel& parallel) {
  const auto& table = kernels::active<T>();
  const bool pairs = s.in_pairs();
  const Index slabs = slabs_per_tile(s), per_tile = pairs && s.along_units ? (slabs + 1) / 2 * 2 : slabs;
  if (pairs) table.winograd_weights(s.C * s.O, w, scratch);
  for_tiles(parallel, tile_count(s.A0, per_tile), [&](Index tile) {
    const Index n0 = tile * per_tile, n1 = std::min(s.A0, n0 + per_tile);
    if (pairs) {
      for_pairs(s, n0, n1, x, [&](const Pairs<T>& p, Index at, Index apart, Index next) { table.winograd(p, s.O, scratch, bias, y + at * s.O, y + (at + apart) * s.O, next * s.O); });
    }
    if (s.along_units) {
      for (Index n = pairs ? n0 + (n1 - n0) / 2 * 2 : n0; n < n1; ++n) direct_slab(s, n, x.z[0], w, bias, y);
    } else {
      for (Index n = n0; n < n1; ++n) direct_rows(s, n, pairs ? s.A1 / 2 * 2 : 0, s.A1, x.z[0], w, bias, y);
    }
  });
}

namespace {

// What a chunk of the weight gradient adds up: the adjoint of u from whole pairs [4, C, O], then that of w from what has no partner [k, C, O], as far as there is any.
struct WeightSums {
  Index pairs, direct;
  explicit WeightSums(const ConvShape& s) : pairs(s.in_pairs() ? 4 * s.C * s.O : 0), direct(s.can_activate() ? 0 : s.k * s.C * s.O) {}
  Index size() const { return pairs + direct; }
};

}  // namespace

Index conv_weight_reverse_scratch(const ConvShape& s) { return tile_count(s.A0, slabs_per_chunk(s)) * WeightSums(s).size(); }

template <class T>
void run_conv_weight_reverse(const ConvShape& s, const Activations<T>& x, const T* g, T* dw, T* scratch, const Parallel& parallel) {
  const auto& table = kernels::active<T>();
  const WeightSums sums(s);
  const Index slabs = slabs_per_chunk(s), chunks = tile_count(s.A0, slabs), size = sums.size();
  for_tiles(parallel, chunks, [&](Index chunk) {
    T *du = scratch + chunk * size, *direct = du + sums.pairs;
    std::fill_n(du, size, T(0));
    const Index n0 = chunk * slabs, n1 = std::min(s.A0, n0 + slabs);
    if (sums.pairs) {
      for_pairs(s, n0, n1, x, [&](const Pairs<T>& p, Index at, Index apart, Index next) { table.winograd_reverse(p, s.O, g + at * s.O, g + (at + apart) * s.O, next * s.O, du); });
    }
    if (!sums.direct) return;
    if (s.along_units) direct_weight_reverse(s, sums.pairs ? n0 + (n1 - n0) / 2 * 2 : n0, n1, 0, s.A1, x.z[0], g, direct);
    else direct_weight_reverse(s, n0, n1, sums.pairs ? s.A1 / 2 * 2 : 0, s.A1, x.z[0], g, direct);
  });
  combine_tree(chunks, size, scratch, [](Index n, T* a, const T* b) {
    for (Index i = 0; i < n; ++i) a[i] += b[i];
  });
  const T* direct = scratch + sums.pairs;
  if (!sums.pairs) {
    std::copy_n(direct, sums.direct, dw);
  } else {
    table.winograd_weights_reverse(s.C * s.O, scratch, dw);
    for (Index i = 0; i < sums.direct; ++i) dw[i] += direct[i];
  }
}

template void run_conv(const ConvShape&, const Activations<float>&, const float*, const float*, float*, float*, const Parallel&);
template void run_conv(const ConvShape&, const Activations<double>&, const double*, const double*, double*, double*, const Parallel&);
template void run_conv_weight_reverse(const ConvShape&, const Activations<float>&, const float*, float*, float*, const Parallel&);
template void run_conv_weight_reverse(const ConvShape&, const Activations<double>&, const double*, double*, double*, const Parallel&);

}  // namespace autodiff
