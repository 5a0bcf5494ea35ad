#include "autodiff/ops/loops/conv_kernels.hpp"

#include <algorithm>
#include <utility>

#include "autodiff/ops/loops/tiles.hpp"

namespace autodiff {

namespace {

using kernels::Activations;
using kernels::Quads;

// Taps j for which position p + j - r lies inside an axis of n positions.
struct Taps {
  Index begin, end;
};
Taps taps_inside(Index p, Index n, Index k) {
  const Index r = k / 2;
  return {std::max<Index>(0, r - p), std::min(k, n + r - p)};
}

Index extent(const ConvShape& s) { return s.along_units ? s.A0 : s.A1; }

// Along units, quads of slabs stay together.
Index together(const ConvShape& s, Index slabs) {
  return s.along_units && s.in_quads() ? std::max<Index>(1, (slabs + 3) / 4) * 4 : std::max<Index>(1, slabs);
}
Index slabs_per_tile(const ConvShape& s) { return together(s, kTileElements / (s.A1 * std::max(s.C, s.O))); }
Index slabs_per_chunk(const ConvShape& s) { return together(s, 2048 / s.A1); }  // for the weight gradient

// ---- direct -------------------------------------------------------------------------------------

// Slab n (all of axis 1) of a convolution along units: a sum over taps of products with the neighbouring
// slabs.
template <class T>
void direct_slab(const ConvShape& s, Index n, const T* x, const T* w, const T* bias, T* y) {
  const Taps taps = taps_inside(n, s.A0, s.k);
  const T *a[kMaxTaps], *b[kMaxTaps];
  for (Index j = taps.begin; j < taps.end; ++j) {
    a[j - taps.begin] = x + (n + j - s.k / 2) * s.A1 * s.C;
    b[j - taps.begin] = w + j * s.C * s.O;
  }
  kernels::active<T>().product({.M = s.A1,
                                .N = s.O,
                                .K = s.C,
                                .terms = taps.end - taps.begin,
                                .a = a,
                                .a_row = s.C,
                                .a_col = 1,
                                .b = b,
                                .ldb = s.O,
                                .c = y + n * s.A1 * s.O,
                                .ldc = s.O,
                                .bias = bias});
}

// Positions [first, last) of slab n, along examples. Those that see all taps are one product with overlapping
// rows: row t is the k C numbers from t - r on.
template <class T>
void direct_rows(const ConvShape& s, Index n, Index first, Index last, const T* x, const T* w, const T* bias,
                 T* y) {
  const Index r = s.k / 2;
  while (first < last) {
    const Taps taps = taps_inside(first, s.A1, s.k);
    const Index end = taps.begin > 0 || taps.end < s.k ? first + 1 : std::min(last, s.A1 - r);
    const T* a = x + (n * s.A1 + first + taps.begin - r) * s.C;
    const T* b = w + taps.begin * s.C * s.O;
    kernels::active<T>().product({.M = end - first,
                                  .N = s.O,
                                  .K = (taps.end - taps.begin) * s.C,
                                  .a = &a,
                                  .a_row = s.C,
                                  .a_col = 1,
                                  .b = &b,
                                  .ldb = s.O,
                                  .c = y + (n * s.A1 + first) * s.O,
                                  .ldc = s.O,
                                  .bias = bias});
    first = end;
  }
}

// Adds the bias of unit n to its outputs, which are still in the cache.
template <class T>
void add_edges(const ConvShape& s, Index n, const T* edges, T* y) {
  const Index rows = edge_rows(s.A1);
  for (Index i = 0; i < rows; ++i) {
    const Index first = i == 0 ? 0 : i == rows - 1 ? s.A1 - 1 : 1, count = i == 1 && rows == 3 ? s.A1 - 2 : 1;
    T* at = y + (n * s.A1 + first) * s.O;
    kernels::active<T>().binary_rows(kernels::Binary::add, count, s.O, at, kernels::BroadcastKind::full,
                                     edges + (n * rows + i) * s.O, kernels::BroadcastKind::row, at);
  }
}

// Adds to dw the contribution of the outputs at positions [t0, t1) of slabs [n0, n1).
template <class T>
void direct_weight_reverse(const ConvShape& s, Index n0, Index n1, Index t0, Index t1, const T* x, const T* g,
                           T* dw) {
  const Index r = s.k / 2;
  // Rows [first, last) of g, which tap j pairs with the rows of x at offset `shift`.
  const auto tap = [&](Index j, Index first, Index last, Index shift) {
    if (first >= last) return;
    const T *a = x + (first + shift) * s.C, *b = g + first * s.O;
    kernels::active<T>().product({.M = s.C,
                                  .N = s.O,
                                  .K = last - first,
                                  .a = &a,
                                  .a_row = 1,
                                  .a_col = s.C,
                                  .b = &b,
                                  .ldb = s.O,
                                  .c = dw + j * s.C * s.O,
                                  .ldc = s.O,
                                  .accumulate = true});
  };
  for (Index j = 0; j < s.k; ++j) {
    if (s.along_units) {
      tap(j, std::max(n0, r - j) * s.A1, std::min(n1, s.A0 + r - j) * s.A1, (j - r) * s.A1);
    } else {
      for (Index n = n0; n < n1; ++n)
        tap(j, n * s.A1 + std::max(t0, r - j), n * s.A1 + std::min(t1, s.A1 + r - j), j - r);
    }
  }
}

// ---- in fours -----------------------------------------------------------------------------------

// Calls f(quads, position of the first output, distance between outputs of a quad, distance between quads)
// for all whole quads of slabs [n0, n1); n0 is a multiple of four along units. A position is a row of [A0 *
// A1, C].
template <class T, class F>
void for_quads(const ConvShape& s, Index n0, Index n1, const Activations<T>& x, F f) {
  if (s.along_units) {
    for (Index n = n0; n + 4 <= n1; n += 4) {
      f(Quads<T>{.rows = s.A1,
                 .C = s.C,
                 .x = moved(x, n * s.A1 * s.C),
                 .row = s.C,
                 .step = s.A1 * s.C,
                 .before = n > 0,
                 .after = n + 4 < s.A0},
        n * s.A1, s.A1, 1);
    }
  } else {
    const Index run = s.A1 / 4;
    const Index together = s.A1 % 4 == 0 ? n1 - n0 : 1;  // slabs of whole quads form one long row of quads
    for (Index n = n0; n < n1; n += together) {
      f(Quads<T>{.rows = together * run,
                 .C = s.C,
                 .x = moved(x, n * s.A1 * s.C),
                 .row = 4 * s.C,
                 .step = s.C,
                 .run = run,
                 .after = s.A1 % 4 != 0},
        n * s.A1, 1, 4);
    }
  }
}

constexpr Index whole_quads(Index positions) { return positions / 4 * 4; }

}  // namespace

bool ConvShape::in_quads() const {
  constexpr Index least = 8;
  return k == 3 && std::min(C, O) >= least && std::max(C, O) <= kernels::kMostQuadChannels &&
         extent(*this) >= 4;
}

bool ConvShape::can_activate() const { return in_quads() && extent(*this) % 4 == 0; }

Index conv_scratch(const ConvShape& s) { return s.in_quads() ? kernels::winograd_size(s.C, s.O) : 0; }

template <class T>
void run_conv(const ConvShape& s, const Activations<T>& x, const T* w, const T* bias, T* y, T* scratch,
              const Parallel& parallel, bool per_unit) {
  const auto& table = kernels::active<T>();
  const T* const edges = per_unit ? std::exchange(bias, nullptr) : nullptr;
  const bool quads = s.in_quads();
  const Index slabs = slabs_per_tile(s);
  if (quads) table.winograd_weights(s.C, s.O, w, scratch);
  for_tiles(parallel, tile_count(s.A0, slabs), [&](Index tile) {
    const Index n0 = tile * slabs, n1 = std::min(s.A0, n0 + slabs);
    if (quads) {
      for_quads(s, n0, n1, x, [&](const Quads<T>& q, Index at, Index apart, Index next) {
        table.winograd(q, s.O, scratch, bias, y + at * s.O, apart * s.O, next * s.O);
      });
    }
    if (s.along_units) {
      for (Index n = quads ? n0 + whole_quads(n1 - n0) : n0; n < n1; ++n)
        direct_slab(s, n, x.z[0], w, bias, y);
    } else {
      for (Index n = n0; n < n1; ++n)
        direct_rows(s, n, quads ? whole_quads(s.A1) : 0, s.A1, x.z[0], w, bias, y);
    }
    for (Index n = n0; edges && n < n1; ++n) add_edges(s, n, edges, y);
  });
}

namespace {

// The partial sums of a chunk of the weight gradient: the adjoint of u from whole quads [6, C, O], then that
// of w from the remaining positions [k, C, O], each if there are any.
struct WeightSums {
  Index quads, direct;
  explicit WeightSums(const ConvShape& s)
      : quads(s.in_quads() ? 6 * s.C * s.O : 0), direct(s.can_activate() ? 0 : s.k * s.C * s.O) {}
  Index size() const { return quads + direct; }
};

}  // namespace

Index conv_weight_reverse_scratch(const ConvShape& s) {
  return tile_count(s.A0, slabs_per_chunk(s)) * WeightSums(s).size();
}

template <class T>
void run_conv_weight_reverse(const ConvShape& s, const Activations<T>& x, const T* g, T* dw, T* scratch,
                             const Parallel& parallel) {
  const auto& table = kernels::active<T>();
  const WeightSums sums(s);
  const Index slabs = slabs_per_chunk(s), chunks = tile_count(s.A0, slabs), size = sums.size();
  for_tiles(parallel, chunks, [&](Index chunk) {
    T *du = scratch + chunk * size, *direct = du + sums.quads;
    std::fill_n(du, size, T(0));
    const Index n0 = chunk * slabs, n1 = std::min(s.A0, n0 + slabs);
    if (sums.quads) {
      for_quads(s, n0, n1, x, [&](const Quads<T>& q, Index at, Index apart, Index next) {
        table.winograd_reverse(q, s.O, g + at * s.O, apart * s.O, next * s.O, du);
      });
    }
    if (!sums.direct) return;
    if (s.along_units)
      direct_weight_reverse(s, sums.quads ? n0 + whole_quads(n1 - n0) : n0, n1, 0, s.A1, x.z[0], g, direct);
    else
      direct_weight_reverse(s, n0, n1, sums.quads ? whole_quads(s.A1) : 0, s.A1, x.z[0], g, direct);
  });
  combine_tree(chunks, size, scratch, [](Index n, T* a, const T* b) {
    for (Index i = 0; i < n; ++i) a[i] += b[i];
  });
  const T* direct = scratch + sums.quads;
  if (!sums.quads) {
    std::copy_n(direct, sums.direct, dw);
  } else {
    table.winograd_weights_reverse(s.C * s.O, scratch, dw);
    for (Index i = 0; i < sums.direct; ++i) dw[i] += direct[i];
  }
}

template void run_conv(const ConvShape&, const Activations<float>&, const float*, const float*, float*,
                       float*, const Parallel&, bool);
template void run_conv(const ConvShape&, const Activations<double>&, const double*, const double*, double*,
                       double*, const Parallel&, bool);
template void run_conv_weight_reverse(const ConvShape&, const Activations<float>&, const float*, float*,
                                      float*, const Parallel&);
template void run_conv_weight_reverse(const ConvShape&, const Activations<double>&, const double*, double*,
                                      double*, const Parallel&);

}  // namespace autodiff
