// Kernels: the innermost loops, one table per instruction set and element type.
//
// Every kernel is serial, allocates nothing and never throws. One source is compiled for several x86-64
// levels (and once without any for other machines); the table in use is chosen once, by CPUID or by the
// environment variable METALEARN_ISA (scalar, v2, v3, v4). Only the arguments determine the order of every
// sum. Levels with FMA (v3, v4) give the same bits: a sum over k runs in the order of k in one accumulator
// per output element, reductions along a row use kLanes partial sums that combine in a fixed tree, and
// moments() documents its own order.
#pragma once
#include <cstdint>

namespace autodiff::kernels {

using Index = std::int64_t;

/// Partial sums of a reduction along contiguous memory; the same for every vector width.
inline constexpr Index kLanes = 16;

/// Columns of a panel of b.
inline constexpr Index kPanel = 32;

/// For m < M, n < N:
///   c[m*ldc + n] = init + sum over r < terms, k < K of a[r][m*a_row + k*a_col] * b[r][k*ldb + n].
/// init is c itself if accumulate, else bias[n] if bias is not null, else 0. The sum runs over r, then k, in
/// order, in one accumulator per element, so splitting K into calls that accumulate gives the same bits.
/// a_row = 1 makes a transposed product (tn). c overlaps neither a nor b. With `panels`, b[r] is stored as
/// consecutive blocks of kPanel columns (the last may have fewer), each a contiguous [K, columns]: for a wide
/// b that many rows share, and for a transposed b.
template <class T>
struct Product {
  Index M = 0, N = 0, K = 0;
  Index terms = 1;
  const T* const* a = nullptr;
  Index a_row = 0, a_col = 1;
  const T* const* b = nullptr;
  Index ldb = 0;
  bool panels = false;
  T* c = nullptr;
  Index ldc = 0;
  const T* bias = nullptr;
  bool accumulate = false;
};

/// y = f(x), one operand. p and q are parameters of some functions.
enum class Unary {
  copy,    // x
  affine,  // p * x + q
  neg,     // -x
  square,  // x * x
  sqrt,
  rsqrt,       // 1 / sqrt(x)
  reciprocal,  // 1 / x
  exp,
  log,
  abs,
  sign,  // -1, 0, 1
  step,  // 1 if x > 0 else 0
  relu,
  leaky_relu,  // x > 0 ? x : p * x
  elu,         // x > 0 ? x : exp(x) - 1
  sigmoid,     // 1 / (1 + exp(-x)), without overflow
  tanh,
  softplus,  // log(1 + exp(x)), without overflow
  fill,      // p (x is not read)
};

/// z = f(x, y), two operands.
enum class Binary {
  add,
  sub,
  mul,
  div,
  gate,  // y > 0 ? x : 0        (reverse of relu, from its output or its input)
};

/// The input of a convolution block: z[0] unchanged (no addends), or the sum of one or two activations
/// relu((z[a] - mean[a]) * rstd[a] + offset[a]) per channel.
template <class T>
struct Activations {
  int addends = 0;
  const T* z[2] = {};
  const T* mean[2] = {};
  const T* rstd[2] = {};
  const T* offset[2] = {};
};

/// Groups of four neighbouring positions ("quads") of a convolution of three taps. Row r holds the outputs at
/// t .. t + 3, which read the inputs d0 .. d5 at t-1 .. t+4: d_i is the C numbers from x + r * row + (i - 1)
/// * step on. In every run of `run` rows, the first row has zeros for d0 unless `before`, and the last has
/// zeros for d5 unless `after`.
template <class T>
struct Quads {
  Index rows = 0, C = 0;
  Activations<T> x;
  Index row = 0, step = 0;
  Index run = 1;
  bool before = false, after = false;
};

/// The most channels that winograd() reads, and that winograd_reverse() reads of each operand.
inline constexpr Index kMostQuadChannels = 128;

/// The most numbers in a vector of any level and type.
inline constexpr Index kMostLanes = 16;

/// Numbers in the weights u of winograd(): columns are padded to whole vectors.
inline constexpr Index winograd_size(Index C, Index O) {
  return 6 * C * ((O + kMostLanes - 1) / kMostLanes * kMostLanes);
}

/// How an operand is broadcast over a tile [rows, cols]: a scalar, a row [cols] for every row, a column
/// [rows] with one number per row, or full and contiguous (no broadcast).
enum class BroadcastKind : std::uint8_t { scalar, row, column, full };

template <class T>
struct Kernels {
  const char* isa;  // "scalar", "v2", "v3", "v4"

  void (*product)(const Product<T>&);

  /// y[c*ldy + r] = x[r*ldx + c] for r < rows, c < cols.
  void (*transpose)(Index rows, Index cols, const T* x, Index ldx, T* y, Index ldy);

  /// y[i] = f(x[i]), i < n. y may be x.
  void (*unary)(Unary f, Index n, const T* x, T* y, T p, T q);

  /// z[i] = f(x[i * x_step], y[i * y_step]), i < n, steps 0 or 1. z may be x or y if that operand's step is
  /// 1.
  void (*binary)(Binary f, Index n, const T* x, Index x_step, const T* y, Index y_step, T* z);

  /// z[r, c] = f(x, y) over a tile of contiguous rows, each operand broadcast by its kind. z may be a full
  /// operand.
  void (*binary_rows)(Binary f, Index rows, Index cols, const T* x, BroadcastKind x_kind, const T* y,
                      BroadcastKind y_kind, T* z);

  /// y[r, c] = x, broadcast by its kind.
  void (*stretch)(Index rows, Index cols, const T* x, BroadcastKind kind, T* y);

  /// Sum of n contiguous numbers: lane l adds x[l], x[l + kLanes], ...; lanes combine as a fixed binary tree.
  T (*sum)(Index n, const T* x);

  /// y[r] = sum(cols, x + r * cols), the same bits.
  void (*sum_each_row)(Index rows, Index cols, const T* x, T* y);

  /// Adds n numbers, at positions `at` and following of a longer sum(), to its kLanes partial sums.
  void (*sum_lanes)(Index n, const T* x, Index at, T* lanes);

  /// s[c] += x[r*ldx + c] over r < rows in order, c < cols.
  void (*sum_rows)(Index rows, Index cols, const T* x, Index ldx, T* s);

  /// mean[c] of x[r*C + c] over r < rows, and squares[c], the sum of squared deviations from the mean. Order
  /// of the sums: blocks of rows with four interleaved sums each, see rows.hpp.
  void (*moments)(Index rows, Index C, const T* x, T* mean, T* squares);

  /// y[r*C + c] = (x[r*C + c] - mean[c]) * rstd[c] + offset[c]; with relu also max(., 0). y may be x.
  void (*normalise)(Index rows, Index C, const T* x, const T* mean, const T* rstd, const T* offset, bool relu,
                    T* y);

  /// Sums over rows, in order, of dy and of dy * (x - mean) * rstd, added to s_dy[c], s_dyx[c]. With an
  /// offset, dy counts only where (x - mean) * rstd + offset > 0 (the reverse of a relu). Null: no relu.
  void (*normalise_reverse_sums)(Index rows, Index C, const T* x, const T* mean, const T* rstd,
                                 const T* offset, const T* dy, T* s_dy, T* s_dyx);

  /// dx = rstd * (dy - m_dy - (x - mean) * rstd * m_dyx), per channel c, dy through the same relu. dx may be
  /// dy or x.
  void (*normalise_reverse)(Index rows, Index C, const T* x, const T* mean, const T* rstd, const T* offset,
                            const T* m_dy, const T* m_dyx, const T* dy, T* dx);

  /// y[r*C + c] = the (activated) number of x there.
  void (*activate)(Index rows, Index C, const Activations<T>& x, T* y);

  /// The weights u, winograd_size(C, O) numbers in an order specific to the level, from the taps w [3, C, O].
  void (*winograd_weights)(Index C, Index O, const T* w, T* u);

  /// The four outputs of every row, O numbers each: output i of row r at y + i * apart + r * ldy. bias [O] or
  /// null; C <= kMostQuadChannels.
  void (*winograd)(const Quads<T>& quads, Index O, const T* u, const T* bias, T* y, Index apart, Index ldy);

  /// Adds to du [6, C, O] the adjoint of u in plain order, from the adjoints of the outputs, in the outputs'
  /// layout. C, O <= kMostQuadChannels.
  void (*winograd_reverse)(const Quads<T>& quads, Index O, const T* g, Index apart, Index ldg, T* du);

  /// The adjoint dw [3, size] of the taps from du [6, size].
  void (*winograd_weights_reverse)(Index size, const T* du, T* dw);
};

/// The table in use. T is float or double.
template <class T>
const Kernels<T>& active();

/// The table of a level ("scalar", "v2", "v3", "v4"), or null if this machine or this build lacks it. For
/// tests and benchmarks.
template <class T>
const Kernels<T>* table(const char* isa);

/// Empty, or one line saying that METALEARN_ISA names a level that this machine or build lacks, and which
/// level is used instead.
const char* isa_note();

}  // namespace autodiff::kernels
