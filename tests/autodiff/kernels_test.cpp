// Kernels: every table that this machine runs, against plain loops in long double, and against each other.
#include "autodiff/kernels/kernels.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/autodiff/kernel_tables.hpp"

namespace {

using namespace autodiff::kernels;
using namespace kernel_tables;

struct Case {
  Index M, N, K, terms;
  bool transposed, accumulate, bias;
};

/// The promise of the header to the last bit: one accumulator per element, over terms, then k.
template <class T>
void sum_in_order(const Product<T>& p, bool fused) {
  for (Index m = 0; m < p.M; ++m) {
    for (Index n = 0; n < p.N; ++n) {
      T sum = p.accumulate ? p.c[m * p.ldc + n] : p.bias ? p.bias[n] : T(0);
      for (Index r = 0; r < p.terms; ++r) {
        for (Index k = 0; k < p.K; ++k) {
          const T x = p.a[r][m * p.a_row + k * p.a_col], y = p.b[r][k * p.ldb + n];
          sum = fused ? std::fma(x, y, sum) : sum + x * y;
        }
      }
      p.c[m * p.ldc + n] = sum;
    }
  }
}

template <class T>
void check_product(const Case& s, Index padding) {
  INFO("M " << s.M << ", N " << s.N << ", K " << s.K << ", terms " << s.terms << ", transposed "
            << s.transposed << ", accumulate " << s.accumulate << ", bias " << s.bias << ", padding "
            << padding);
  Numbers numbers;
  const Index lda = (s.transposed ? s.M : s.K) + padding, ldb = s.N + padding, ldc = s.N + padding;
  std::vector<std::vector<T>> a, b;
  std::vector<const T*> a_of, b_of;
  for (Index r = 0; r < s.terms; ++r) {
    a_of.push_back(a.emplace_back(numbers.many<T>(s.transposed ? s.K * lda : s.M * lda)).data());
    b_of.push_back(b.emplace_back(numbers.many<T>(s.K * ldb)).data());
  }
  const auto bias = numbers.many<T>(s.N);
  const auto before = numbers.many<T>(s.M * ldc);
  Product<T> p{.M = s.M,
               .N = s.N,
               .K = s.K,
               .terms = s.terms,
               .a = a_of.data(),
               .b = b_of.data(),
               .ldb = ldb,
               .ldc = ldc};
  p.a_row = s.transposed ? 1 : lda;
  p.a_col = s.transposed ? lda : 1;
  p.bias = s.bias ? bias.data() : nullptr;
  p.accumulate = s.accumulate;

  std::vector<long double> want(before.begin(), before.end());
  for (Index m = 0; m < s.M; ++m) {
    for (Index n = 0; n < s.N; ++n) {
      long double sum = s.accumulate ? before[m * ldc + n] : s.bias ? bias[n] : T(0);
      for (Index r = 0; r < s.terms; ++r) {
        for (Index k = 0; k < s.K; ++k)
          sum += static_cast<long double>(a[r][m * p.a_row + k * p.a_col]) * b[r][k * ldb + n];
      }
      want[m * ldc + n] = sum;
    }
  }
  const auto length = static_cast<double>(
      s.terms * s.K);  // every addition rounds a partial sum, which itself grows like the root of the length
  const double tolerance = std::numeric_limits<T>::epsilon() * (4 + length);
  check_tables<T>(want, tolerance, [&](const Kernels<T>& k) {
    auto c = before, in_order = before;  // the padding is compared too, so it must stay
    p.c = c.data();
    k.product(p);
    p.c = in_order.data();
    sum_in_order(p, has_fma(k));
    CHECK(same_bits(c, in_order));
    return c;
  });
}

const Index kSizes[] = {1, 2, 3, 5, 8, 17, 33, 64};

TEST_CASE_TEMPLATE("a product of any shape is the sum in long double, and leaves the padding of c alone", T,
                   float, double) {
  Index count = 0;
  for (const Index M : kSizes) {
    for (const Index N : kSizes) {
      for (const Index K : kSizes) {
        ++count;  // every combination of the options meets every size
        check_product<T>({M, N, K, 1 + count % 3, count % 2 == 0, count % 5 == 0, count % 7 < 4},
                         count % 4 == 0 ? 3 : 0);
        check_product<T>({M, N, K, 1 + (count + 1) % 3, count % 2 == 1, count % 5 == 1, count % 7 > 2},
                         count % 4 == 1 ? 0 : 5);
      }
    }
  }
}

TEST_CASE_TEMPLATE("a sum may need several passes, or be empty and leave the bias, c itself, or zero", T,
                   float, double) {
  check_product<T>({19, 35, 1000, 2, false, false, true}, 1);
  check_product<T>({48, 16, 4096, 1, true, true, false}, 0);
  check_product<T>({5, 7, 100, 7, false, false, false}, 0);
  check_product<T>({100, 300, 130, 2, true, false, true}, 2);
  check_product<T>({3, 5, 0, 1, false, false, true}, 1);
  check_product<T>({3, 5, 0, 2, false, true, false}, 1);
  check_product<T>({3, 5, 0, 2, false, false, false}, 1);
}

TEST_CASE_TEMPLATE("rows of a may overlap, as in a convolution without im2col", T, float, double) {
  Numbers numbers;
  const Index C = 16, rows = 21;
  const auto slab = numbers.many<T>((rows + 2) * C), weights = numbers.many<T>(3 * C * C);
  std::vector<long double> want(static_cast<std::size_t>(rows * C));
  for (Index i = 0; i < rows; ++i) {
    for (Index n = 0; n < C; ++n) {
      for (Index k = 0; k < 3 * C; ++k)
        want[i * C + n] += static_cast<long double>(slab[i * C + k]) * weights[k * C + n];
    }
  }
  const T* const a[] = {slab.data()};
  const T* const b[] = {weights.data()};
  check_tables<T>(want, 100 * std::numeric_limits<T>::epsilon(), [&](const Kernels<T>& k) {
    std::vector<T> c(static_cast<std::size_t>(rows * C));
    k.product({.M = rows, .N = C, .K = 3 * C, .a = a, .a_row = C, .b = b, .ldb = C, .c = c.data(), .ldc = C});
    return c;
  });
}

TEST_CASE_TEMPLATE("cutting the sum into products that accumulate does not change a bit", T, float, double) {
  Numbers numbers;
  const Index M = 13, N = 27, K = 700;
  const auto x = numbers.many<T>(M * K), w = numbers.many<T>(K * N);
  for (const auto* k : tables<T>()) {
    CAPTURE(std::string(k->isa));
    std::vector<T> whole(static_cast<std::size_t>(M * N)), cut(whole.size());
    const T* a = x.data();
    const T* b = w.data();
    k->product({.M = M, .N = N, .K = K, .a = &a, .a_row = K, .b = &b, .ldb = N, .c = whole.data(), .ldc = N});
    for (Index from = 0, to = 0; from < K; from = to) {
      to = std::min(K, from + 1 + from * 2);
      a = x.data() + from;
      b = w.data() + from * N;
      k->product({.M = M,
                  .N = N,
                  .K = to - from,
                  .a = &a,
                  .a_row = K,
                  .b = &b,
                  .ldb = N,
                  .c = cut.data(),
                  .ldc = N,
                  .accumulate = from > 0});
    }
    CHECK(same_bits(whole, cut));
  }
}

TEST_CASE_TEMPLATE("infinities and NaN go through a product", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  for (const auto* k : tables<T>()) {
    CAPTURE(std::string(k->isa));
    const std::vector<T> x = {inf, 1, 0, inf, std::numeric_limits<T>::quiet_NaN(), 1},
                         w = {1, 2, 0, 0, -1, 3};
    std::vector<T> c(9);
    const T* a = x.data();
    const T* b = w.data();
    k->product({.M = 3, .N = 3, .K = 2, .a = &a, .a_row = 2, .b = &b, .ldb = 3, .c = c.data(), .ldc = 3});
    CHECK(c[0] == inf);
    CHECK(std::isnan(c[2]));  // inf * 0
    CHECK(c[4] == -inf);
    CHECK(std::isnan(c[6]));
  }
}

// Elementwise.

template <class T>
long double meaning(Unary f, long double x, T p, T q) {
  switch (f) {
    case Unary::copy:
      return x;
    case Unary::affine:
      return p * x + q;
    case Unary::neg:
      return -x;
    case Unary::square:
      return x * x;
    case Unary::sqrt:
      return std::sqrt(x);
    case Unary::rsqrt:
      return 1 / std::sqrt(x);
    case Unary::reciprocal:
      return 1 / x;
    case Unary::exp:
      return std::exp(x);
    case Unary::log:
      return std::log(x);
    case Unary::abs:
      return std::abs(x);
    case Unary::sign:
      return x > 0 ? 1 : x < 0 ? -1 : x;
    case Unary::step:
      return x > 0 ? 1 : 0;
    case Unary::relu:
      return x > 0 ? x : std::isnan(x) ? x : 0;
    case Unary::leaky_relu:
      return x > 0 ? x : p * x;
    case Unary::elu:
      return x > 0 ? x : std::expm1(x);
    case Unary::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Unary::tanh:
      return std::tanh(x);
    case Unary::softplus:
      return std::isinf(x) ? (x > 0 ? x : 0) : std::max(x, 0.0L) + std::log1p(std::exp(-std::abs(x)));
    case Unary::fill:
      return p;
  }
  return 0;
}

/// |got - want| in units of the last place of want (of the smallest normal number for smaller ones); 0 where
/// both are the same infinity or NaN.
template <class T>
double ulps(T got, long double want) {
  const T rounded = static_cast<T>(want);
  if (std::isnan(rounded)) return std::isnan(got) ? 0 : 1e9;
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0 : 1e9;
  const T size = std::max(std::abs(rounded), std::numeric_limits<T>::min());
  const long double unit = std::ldexp(1.0L, std::ilogb(size) - std::numeric_limits<T>::digits + 1);
  const double distance = static_cast<double>(std::abs(got - want) / unit);
  return std::isnan(distance) ? 1e9 : distance;
}

template <class T>
std::vector<T> awkward_numbers() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> x = {0,
                      T(-0.0),
                      1,
                      -1,
                      T(0.5),
                      T(-0.5),
                      Limits::infinity(),
                      -Limits::infinity(),
                      Limits::quiet_NaN(),
                      Limits::max(),
                      Limits::lowest(),
                      Limits::min(),
                      -Limits::min(),
                      Limits::denorm_min(),
                      Limits::epsilon(),
                      T(88.5),
                      T(88.8),
                      T(-87.4),
                      T(-103),
                      T(-110),
                      T(709.5),
                      T(-745)};
  Numbers numbers;
  for (const double scale : {1e-6, 0.1, 0.7, 1.0, 3.0, 20.0, 90.0}) {
    for (int i = 0; i < 211; ++i) x.push_back(static_cast<T>(scale * numbers.next()));
  }
  return x;
}

const Unary kUnaries[] = {Unary::copy,    Unary::affine,     Unary::neg,      Unary::square,     Unary::sqrt,
                          Unary::rsqrt,   Unary::reciprocal, Unary::exp,      Unary::log,        Unary::abs,
                          Unary::sign,    Unary::step,       Unary::relu,     Unary::leaky_relu, Unary::elu,
                          Unary::sigmoid, Unary::tanh,       Unary::softplus, Unary::fill};

TEST_CASE_TEMPLATE(
    "every function of one operand is within 3 units in the last place, also in place, at infinities and at "
    "NaN",
    T, float, double) {
  const auto x = awkward_numbers<T>();
  const T p = T(0.75), q = T(-0.25);
  for (const Unary f : kUnaries) {
    CAPTURE(static_cast<int>(f));
    std::vector<T> fused;
    for (const auto* k : tables<T>()) {
      CAPTURE(std::string(k->isa));
      std::vector<T> y(x.size()), in_place = x;
      k->unary(f, static_cast<Index>(x.size()), x.data(), y.data(), p, q);
      k->unary(f, static_cast<Index>(x.size()), in_place.data(), in_place.data(), p, q);
      CHECK(same_bits(y, in_place));
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (f == Unary::affine) {  // two roundings, so the error is relative to the terms
          const double scale = static_cast<double>(std::abs(p * x[i])) + 1;
          if (std::isfinite(x[i]))
            CHECK(static_cast<double>(std::abs(y[i] - meaning(f, x[i], p, q))) <=
                  scale * std::numeric_limits<T>::epsilon());
        } else if (!(ulps(y[i], meaning(f, x[i], p, q)) <= 3)) {
          FAIL_CHECK("f(" << x[i] << ") = " << y[i] << ", expected "
                          << static_cast<double>(meaning(f, x[i], p, q)));
        }
      }
      for (std::size_t n : {0, 1, 3, 16, 37}) {  // a tail has the bits of the whole
        std::vector<T> part(x.begin() + 22, x.begin() + 22 + static_cast<std::ptrdiff_t>(n) + 1);
        const T beyond = part[n];
        k->unary(f, static_cast<Index>(n), part.data(), part.data(), p, q);
        CHECK(std::memcmp(part.data(), y.data() + 22, n * sizeof(T)) == 0);
        CHECK(part[n] == beyond);
      }
      if (has_fma(*k)) {
        if (!fused.empty()) CHECK(same_bits(y, fused));
        fused = y;
      }
    }
  }
}

TEST_CASE_TEMPLATE("every function of two operands takes full and repeated operands, also in place", T, float,
                   double) {
  Numbers numbers;
  const auto apply = [](Binary f, T x, T y) -> T {
    if (f == Binary::gate) return y > 0 ? x : 0;
    return f == Binary::add ? x + y : f == Binary::sub ? x - y : f == Binary::mul ? x * y : x / y;
  };
  for (const auto* k : tables<T>()) {
    CAPTURE(std::string(k->isa));
    for (const Binary f : {Binary::add, Binary::sub, Binary::mul, Binary::div, Binary::gate}) {
      for (const Index n : {0, 1, 2, 7, 16, 63, 100}) {
        for (const Index x_step : {0, 1}) {
          for (const Index y_step : {0, 1}) {
            const auto x = numbers.many<T>(n + 1), y = numbers.many<T>(n + 1);
            std::vector<T> want = numbers.many<T>(n + 1), out = want;
            for (Index i = 0; i < n; ++i) want[i] = apply(f, x[i * x_step], y[i * y_step]);
            k->binary(f, n, x.data(), x_step, y.data(), y_step, out.data());
            CHECK(same_bits(out, want));
            if (x_step == 1) {
              auto z = x;
              k->binary(f, n, z.data(), 1, y.data(), y_step, z.data());
              CHECK(std::equal(z.begin(), z.begin() + n, want.begin()));
              CHECK(z[n] == x[n]);
            }
            if (y_step == 1) {
              auto z = y;
              k->binary(f, n, x.data(), x_step, z.data(), 1, z.data());
              CHECK(std::equal(z.begin(), z.begin() + n, want.begin()));
              CHECK(z[n] == y[n]);
            }
          }
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("a gate lets a NaN through where it is open", T, float, double) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (const auto* k : tables<T>()) {
    const std::vector<T> x = {nan, nan, 2, 3}, y = {1, -1, nan, 1};
    std::vector<T> z(4);
    k->binary(Binary::gate, 4, x.data(), 1, y.data(), 1, z.data());
    CHECK(std::isnan(z[0]));
    CHECK(z[1] == 0);
    CHECK(z[2] == 0);
    CHECK(z[3] == 3);
  }
}

// Sums and rows.

TEST_CASE_TEMPLATE("a sum adds sixteen lanes as a fixed tree, on every level the same bits", T, float,
                   double) {
  Numbers numbers;
  for (const Index n : {0, 1, 2, 15, 16, 17, 31, 64, 100, 1000}) {
    CAPTURE(n);
    const auto x = numbers.many<T>(n);
    T lane[kLanes] = {};
    for (Index i = 0; i < n; ++i) lane[i % kLanes] += x[i];
    for (Index half = kLanes / 2; half > 0; half /= 2) {
      for (Index l = 0; l < half; ++l) lane[l] += lane[l + half];
    }
    for (const auto* k : tables<T>()) CHECK(k->sum(n, x.data()) == lane[0]);
  }
}

TEST_CASE_TEMPLATE("a transpose of any shape keeps every number and the padding", T, float, double) {
  Numbers numbers;
  for (const Index rows : {1, 2, 3, 4, 7, 8, 16, 19, 40}) {
    for (const Index cols : {1, 2, 4, 5, 8, 17, 33}) {
      const Index ldx = cols + 2, ldy = rows + 3;
      const auto x = numbers.many<T>(rows * ldx), before = numbers.many<T>(cols * ldy);
      auto want = before;
      for (Index r = 0; r < rows; ++r) {
        for (Index c = 0; c < cols; ++c) want[c * ldy + r] = x[r * ldx + c];
      }
      for (const auto* k : tables<T>()) {
        auto y = before;
        k->transpose(rows, cols, x.data(), ldx, y.data(), ldy);
        CHECK(same_bits(y, want));
      }
    }
  }
}

const Index kChannels[] = {1, 2, 3, 4, 5, 8, 12, 16, 17, 32, 48, 61, 64, 130};

TEST_CASE_TEMPLATE("row reductions and normalisation agree with their formulas", T, float, double) {
  Numbers numbers;
  for (const Index C : kChannels) {
    for (const Index rows : {1, 2, 7, 67}) {
      INFO("C " << C << ", rows " << rows);
      const auto x = numbers.many<T>(rows * C), dy = numbers.many<T>(rows * C), start = numbers.many<T>(C),
                 mean = numbers.many<T>(C);
      const auto rstd = numbers.many<T>(C), offset = numbers.many<T>(C), m_dy = numbers.many<T>(C),
                 m_dyx = numbers.many<T>(C);
      std::vector<long double> sums(start.begin(), start.end()),
          sums_dyx = sums, sums_dy = sums, normal(x.size()), rectified(x.size()), dx(x.size());
      for (Index i = 0; i < rows * C; ++i) {
        const Index c = i % C;
        const long double deviation = static_cast<long double>(x[i]) - mean[c], unit = deviation * rstd[c];
        sums[c] += x[i];
        sums_dy[c] += dy[i];
        sums_dyx[c] += dy[i] * unit;
        normal[i] = unit + offset[c];
        rectified[i] = std::max(normal[i], 0.0L);
        dx[i] = rstd[c] * (dy[i] - m_dy[c] - unit * m_dyx[c]);
      }
      const double tolerance = 30 * std::numeric_limits<T>::epsilon();
      check_tables<T>(sums, tolerance, [&](const Kernels<T>& k) {
        auto s = start;
        k.sum_rows(rows, C, x.data(), C, s.data());
        return s;
      });
      std::vector<long double> moments(
          static_cast<std::size_t>(2 * C));  // means, then squared deviations from them
      for (Index i = 0; i < rows * C; ++i) moments[i % C] += static_cast<long double>(x[i]) / rows;
      for (Index i = 0; i < rows * C; ++i)
        moments[C + i % C] += (x[i] - moments[i % C]) * (x[i] - moments[i % C]);
      check_tables<T>(moments, tolerance, [&](const Kernels<T>& k) {
        std::vector<T> s(moments.size(), T(7));
        k.moments(rows, C, x.data(), s.data(), s.data() + C);
        return s;
      });
      for (const bool relu : {false, true}) {
        check_tables<T>(relu ? rectified : normal, tolerance, [&](const Kernels<T>& k) {
          std::vector<T> y(x.size()), in_place = x;
          k.normalise(rows, C, x.data(), mean.data(), rstd.data(), offset.data(), relu, y.data());
          k.normalise(rows, C, in_place.data(), mean.data(), rstd.data(), offset.data(), relu,
                      in_place.data());
          CHECK(same_bits(y, in_place));
          return y;
        });
      }
      for (const bool second : {false, true}) {
        check_tables<T>(second ? sums_dyx : sums_dy, tolerance, [&](const Kernels<T>& k) {
          auto s = start, sx = start;
          k.normalise_reverse_sums(rows, C, x.data(), mean.data(), rstd.data(), nullptr, dy.data(), s.data(),
                                   sx.data());
          return second ? sx : s;
        });
      }
      check_tables<T>(dx, tolerance, [&](const Kernels<T>& k) {
        std::vector<T> y(x.size()), over_dy = dy, over_x = x;
        k.normalise_reverse(rows, C, x.data(), mean.data(), rstd.data(), nullptr, m_dy.data(), m_dyx.data(),
                            dy.data(), y.data());
        k.normalise_reverse(rows, C, x.data(), mean.data(), rstd.data(), nullptr, m_dy.data(), m_dyx.data(),
                            over_dy.data(), over_dy.data());
        k.normalise_reverse(rows, C, over_x.data(), mean.data(), rstd.data(), nullptr, m_dy.data(),
                            m_dyx.data(), dy.data(), over_x.data());
        CHECK(same_bits(y, over_dy));
        CHECK(same_bits(y, over_x));
        return y;
      });
    }
  }
}

TEST_CASE_TEMPLATE("sum_rows reads columns of a wider matrix", T, float, double) {
  Numbers numbers;
  const auto x = numbers.many<T>(5 * 40);
  std::vector<long double> want(19);
  for (Index r = 0; r < 5; ++r) {
    for (Index c = 0; c < 19; ++c) want[c] += x[r * 40 + c];
  }
  check_tables<T>(want, 10 * std::numeric_limits<T>::epsilon(), [&](const Kernels<T>& k) {
    std::vector<T> s(19);
    k.sum_rows(5, 19, x.data(), 40, s.data());
    return s;
  });
}

TEST_CASE_TEMPLATE("normalisation with relu keeps NaN and infinity", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (const auto* k : tables<T>()) {
    CAPTURE(std::string(k->isa));
    for (const Index C : {1, 4, 16, 23}) {
      const std::vector<T> mean(static_cast<std::size_t>(C), T(0)), rstd(mean.size(), T(1));
      std::vector<T> x(static_cast<std::size_t>(3 * C), T(1)), y(x.size());
      x[C - 1] = nan;
      x[2 * C - 1] = inf;
      x[3 * C - 1] = -inf;
      k->normalise(3, C, x.data(), mean.data(), rstd.data(), mean.data(), true, y.data());
      CHECK(std::isnan(y[C - 1]));
      CHECK(y[2 * C - 1] == inf);
      CHECK(y[3 * C - 1] == 0);
    }
  }
}

TEST_CASE("the table in use is one that this machine has, and an unknown level has none") {
  CHECK(table<float>(active<float>().isa) == &active<float>());
  CHECK(table<double>(active<double>().isa) == &active<double>());
  CHECK(std::string(active<float>().isa) == active<double>().isa);
  CHECK(table<float>("v9") == nullptr);
  CHECK(table<float>("scalar") != nullptr);
}

}  // namespace
