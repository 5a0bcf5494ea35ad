// Convolution in fours: every table's kernels against plain sums in long double, on odd shapes, and against
// each other. And the block kernels against those they fuse.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/autodiff/kernel_tables.hpp"

namespace {

using namespace autodiff::kernels;
using namespace kernel_tables;

/// Rows of fours with everything that they read. Their positions are those of a slab [4 * rows, C]
/// (neighbouring rows overlap) or of four slabs [rows, C].
template <class T>
struct Case {
  Index rows, C, O, run;
  bool along_rows, before, after;
  int addends;
  std::vector<T> x[2], mean[2], rstd[2], offset[2];
  Quads<T> quads;

  Case(Numbers& numbers, Index rows_, Index C_, Index O_, Index run_, bool along_rows_, bool before_,
       bool after_, int addends_)
      : rows(rows_),
        C(C_),
        O(O_),
        run(run_),
        along_rows(along_rows_),
        before(before_),
        after(after_),
        addends(addends_) {
    const Index step = along_rows ? C : rows * C, row = along_rows ? 4 * C : C;
    Activations<T> reads;
    reads.addends = addends;
    for (int a = 0; a < std::max(1, addends); ++a) {
      x[a] = numbers.many<T>((rows - 1) * row + 5 * step + C);
      mean[a] = numbers.many<T>(C);
      rstd[a] = numbers.many<T>(C);
      offset[a] = numbers.many<T>(C);
      reads.z[a] = x[a].data() + step;
      reads.mean[a] = mean[a].data();
      reads.rstd[a] = rstd[a].data();
      reads.offset[a] = offset[a].data();
    }
    quads = {.rows = rows,
             .C = C,
             .x = reads,
             .row = row,
             .step = step,
             .run = run,
             .before = before,
             .after = after};
  }

  /// d_i of row r, channel c.
  long double d(Index i, Index r, Index c) const {
    if ((i == 0 && !before && r % run == 0) || (i == 5 && !after && r % run == run - 1)) return 0;
    const auto at = static_cast<std::size_t>(r * quads.row + i * quads.step + c),
               channel = static_cast<std::size_t>(c);
    if (addends == 0) return x[0][at];
    long double sum = 0;
    for (int a = 0; a < addends; ++a)
      sum += std::max(0.0L, (static_cast<long double>(x[a][at]) - mean[a][channel]) * rstd[a][channel] +
                                offset[a][channel]);
    return sum;
  }
};

template <class T>
void check_quads(const Case<T>& s, Numbers& numbers) {
  INFO("rows " << s.rows << ", C " << s.C << ", O " << s.O << ", run " << s.run << ", along rows "
               << s.along_rows << ", before " << s.before << ", after " << s.after << ", addends "
               << s.addends);
  const Index matrix = s.C * s.O, ldy = 4 * s.O + 3;
  const auto w = numbers.many<T>(3 * matrix), bias = numbers.many<T>(s.O), g = numbers.many<T>(s.rows * ldy);
  const bool biased = s.rows % 2 == 1;
  // Rows of y are [four outputs, 3 numbers that must stay].
  std::vector<long double> y(g.begin(), g.end()), dw(static_cast<std::size_t>(3 * matrix));
  for (Index r = 0; r < s.rows; ++r)
    for (Index i = 0; i < 4; ++i)
      for (Index o = 0; o < s.O; ++o) {
        long double sum = biased ? bias[o] : T(0);
        for (Index j = 0; j < 3; ++j)
          for (Index c = 0; c < s.C; ++c) {
            sum += s.d(i + j, r, c) * w[j * matrix + c * s.O + o];
            dw[j * matrix + c * s.O + o] += s.d(i + j, r, c) * g[r * ldy + i * s.O + o];
          }
        y[r * ldy + i * s.O + o] = sum;
      }
  const double unit = std::numeric_limits<T>::epsilon();
  check_tables<T>(y, unit * (20 + 12 * static_cast<double>(s.C)), [&](const Kernels<T>& k) {
    std::vector<T> u(static_cast<std::size_t>(winograd_size(s.C, s.O))), got = g;
    k.winograd_weights(s.C, s.O, w.data(), u.data());
    k.winograd(s.quads, s.O, u.data(), biased ? bias.data() : nullptr, got.data(), s.O, ldy);
    return got;
  });
  check_tables<T>(dw, unit * (20 + 12 * static_cast<double>(s.rows)), [&](const Kernels<T>& k) {
    std::vector<T> du(static_cast<std::size_t>(6 * matrix)), got(static_cast<std::size_t>(3 * matrix));
    k.winograd_reverse(s.quads, s.O, g.data(), s.O, ldy, du.data());
    k.winograd_weights_reverse(matrix, du.data(), got.data());
    return got;
  });
}

TEST_CASE_TEMPLATE(
    "a convolution in fours and its weight gradient are the plain sums, whatever the rows, channels and "
    "edges",
    T, float, double) {
  Numbers numbers;
  int count = 0;
  for (const Index C : {1, 2, 3, 8, 16, 17, 32, 61, 128}) {
    for (const Index O : {1, 5, 8, 16, 17, 32, 64, 100}) {
      for (const Index rows : {1, 2, 3, 17, 26}) {
        if (rows > 3 && C * O > 3000) continue;
        ++count;  // deals the options out over the sizes
        const bool along_rows = count % 2 == 0;
        const Index run = along_rows ? (rows % 13 == 0 ? 13 : rows) : count % 3 == 0 ? 1 : rows;
        check_quads(Case<T>(numbers, rows, C, O, run, along_rows, !along_rows && count % 5 < 2, count % 7 < 3,
                            count % 3),
                    numbers);
      }
    }
  }
}

TEST_CASE_TEMPLATE("a convolution in fours of many strips is the plain sums", T, float, double) {
  Numbers numbers;
  for (const Index C : {8, 16, 33, 64}) {
    for (const bool along_rows : {false, true})
      check_quads(Case<T>(numbers, 290, C, 24, along_rows ? 29 : 1, along_rows, false, true, C % 3), numbers);
  }
}

TEST_CASE("in float32, fours round at most two and a half times as much as the direct sums") {
  Numbers numbers;
  for (const auto* k : tables<float>()) {
    for (const Index C : {16, 64}) {
      Case<float> s(numbers, 200, C, 16, 200, true, true, true, 0);
      for (float& x : s.x[0]) x = std::max(x, 0.0f);
      const Index matrix = C * s.O, n = 4 * s.rows * s.O;
      const auto w = numbers.many<float>(3 * matrix);
      std::vector<float> u(static_cast<std::size_t>(winograd_size(C, s.O))),
          fours(static_cast<std::size_t>(n)), direct = fours;
      k->winograd_weights(C, s.O, w.data(), u.data());
      k->winograd(s.quads, s.O, u.data(), nullptr, fours.data(), s.O, 4 * s.O);
      const float *x = s.x[0].data(),
                  *taps =
                      w.data();  // row t of a product whose rows overlap: the inputs at t - 1, t and t + 1
      k->product({.M = 4 * s.rows,
                  .N = s.O,
                  .K = 3 * C,
                  .a = &x,
                  .a_row = C,
                  .b = &taps,
                  .ldb = s.O,
                  .c = direct.data(),
                  .ldc = s.O});
      double of_fours = 0, of_direct = 0;
      for (Index i = 0; i < n; ++i) {
        double exact = 0;
        for (Index j = 0; j < 3 * C; ++j)
          exact += static_cast<double>(x[i / s.O * C + j]) * taps[j * s.O + i % s.O];
        of_fours += std::pow(fours[static_cast<std::size_t>(i)] - exact, 2);
        of_direct += std::pow(direct[static_cast<std::size_t>(i)] - exact, 2);
      }
      INFO(std::string(k->isa) << ", C = " << C << ": root mean square errors "
                               << std::sqrt(of_fours / static_cast<double>(n)) << " and "
                               << std::sqrt(of_direct / static_cast<double>(n)));
      CHECK(std::sqrt(of_fours / of_direct) < 2.5);
    }
  }
}

TEST_CASE_TEMPLATE("an activation is normalise, then relu, then add, to the bit but for the sign of zero", T,
                   float, double) {
  Numbers numbers;
  for (const auto* k : tables<T>()) {
    CAPTURE(std::string(k->isa));
    for (const Index C : {1, 3, 8, 16, 23, 64}) {
      const Index rows = 7;
      Case<T> s(numbers, rows, C, 1, 1, false, true, true, 2);
      auto reads = s.quads.x;
      std::vector<T> got(static_cast<std::size_t>(rows * C)), first = got, second = got;
      k->normalise(rows, C, reads.z[0], reads.mean[0], reads.rstd[0], reads.offset[0], true, first.data());
      k->normalise(rows, C, reads.z[1], reads.mean[1], reads.rstd[1], reads.offset[1], true, second.data());
      reads.addends = 1;
      k->activate(rows, C, reads, got.data());
      CHECK(got == first);
      reads.addends = 2;
      k->activate(rows, C, reads, got.data());
      k->binary(Binary::add, rows * C, first.data(), 1, second.data(), 1, first.data());
      CHECK(got == first);
      reads.addends = 0;
      k->activate(rows, C, reads, got.data());
      CHECK(std::equal(got.begin(), got.end(), reads.z[0]));
    }
  }
}

TEST_CASE_TEMPLATE("an activation keeps NaN and infinity", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (const auto* k : tables<T>()) {
    for (const Index C : {1, 4, 16, 23}) {
      const std::vector<T> zero(static_cast<std::size_t>(C), T(0)), one(zero.size(), T(1));
      std::vector<T> x(static_cast<std::size_t>(3 * C), T(1)), y(x.size());
      x[C - 1] = nan;
      x[2 * C - 1] = inf;
      x[3 * C - 1] = -inf;
      Activations<T> reads;
      reads.addends = 1;
      reads.z[0] = x.data();
      reads.mean[0] = reads.offset[0] = zero.data();
      reads.rstd[0] = one.data();
      k->activate(3, C, reads, y.data());
      CHECK(std::isnan(y[C - 1]));
      CHECK(y[2 * C - 1] == inf);
      CHECK(y[3 * C - 1] == 0);
    }
  }
}

TEST_CASE_TEMPLATE("the reverse of normalisation through a relu is that of the gated adjoint, to the bit", T,
                   float, double) {
  Numbers numbers;
  for (const auto* k : tables<T>()) {
    CAPTURE(std::string(k->isa));
    for (const Index C : {1, 4, 16, 23, 64, 130}) {
      const Index rows = 20, n = rows * C;
      const auto x = numbers.many<T>(n), dy = numbers.many<T>(n), mean = numbers.many<T>(C),
                 rstd = numbers.many<T>(C), offset = numbers.many<T>(C), m_dy = numbers.many<T>(C),
                 m_dyx = numbers.many<T>(C);
      std::vector<T> gated(x.size()), want(x.size()), got(x.size()), sums(static_cast<std::size_t>(2 * C)),
          want_sums = sums;
      k->normalise(rows, C, x.data(), mean.data(), rstd.data(), offset.data(), false, gated.data());
      k->binary(Binary::gate, n, dy.data(), 1, gated.data(), 1, gated.data());
      k->normalise_reverse_sums(rows, C, x.data(), mean.data(), rstd.data(), nullptr, gated.data(),
                                want_sums.data(), want_sums.data() + C);
      k->normalise_reverse_sums(rows, C, x.data(), mean.data(), rstd.data(), offset.data(), dy.data(),
                                sums.data(), sums.data() + C);
      CHECK(same_bits(sums, want_sums));
      k->normalise_reverse(rows, C, x.data(), mean.data(), rstd.data(), nullptr, m_dy.data(), m_dyx.data(),
                           gated.data(), want.data());
      k->normalise_reverse(rows, C, x.data(), mean.data(), rstd.data(), offset.data(), m_dy.data(),
                           m_dyx.data(), dy.data(), got.data());
      CHECK(same_bits(got, want));
      auto over_dy = dy, over_x = x;
      k->normalise_reverse(rows, C, x.data(), mean.data(), rstd.data(), offset.data(), m_dy.data(),
                           m_dyx.data(), over_dy.data(), over_dy.data());
      k->normalise_reverse(rows, C, over_x.data(), mean.data(), rstd.data(), offset.data(), m_dy.data(),
                           m_dyx.data(), dy.data(), over_x.data());
      CHECK(same_bits(over_dy, want));
      CHECK(same_bits(over_x, want));
    }
  }
}

}  // namespace
