// Products: every path of the kernel (part-filled vectors, panels of b, strips of a, passes) and every cut of
// the matmul op, to the last bit of its promise.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/testing/largest_error.hpp"
#include "tests/autodiff/kernel_tables.hpp"

namespace {

using namespace autodiff;
using kernel_tables::has_fma;
using kernel_tables::same_bits;
using kernel_tables::tables;
using kernels::Product;

template <class T>
std::vector<T> numbers(Index n, std::uint64_t seed) {
  return kernel_tables::Numbers{seed}.many<T>(n);
}

/// What kernels.hpp promises: one accumulator per element, over terms, then k. b is [K, N] in rows.
template <class T>
void sum_in_order(Product<T> p, bool fused) {
  for (Index m = 0; m < p.M; ++m)
    for (Index n = 0; n < p.N; ++n) {
      T sum = p.accumulate ? p.c[m * p.ldc + n] : p.bias ? p.bias[n] : T(0);
      for (Index r = 0; r < p.terms; ++r)
        for (Index k = 0; k < p.K; ++k) {
          const T x = p.a[r][m * p.a_row + k * p.a_col], y = p.b[r][k * p.ldb + n];
          sum = fused ? std::fma(x, y, sum) : sum + x * y;
        }
      p.c[m * p.ldc + n] = sum;
    }
}

template <class T>
std::vector<T> in_panels(Index K, Index N, const std::vector<T>& b) {
  std::vector<T> panels;
  for (Index first = 0; first < N; first += kernels::kPanel)
    for (Index k = 0; k < K; ++k)
      for (Index n = first; n < std::min(N, first + kernels::kPanel); ++n)
        panels.push_back(b[static_cast<std::size_t>(k * N + n)]);
  return panels;
}

struct Case {
  Index M, N, K, terms = 1;
  bool transposed = false, accumulate = false, bias = false;
};

/// On every table, from rows and from panels of b, against the plain sum; the numbers between the columns of
/// c and of a must stay out of it.
template <class T>
void check(const Case& s) {
  INFO("M " << s.M << ", N " << s.N << ", K " << s.K << ", terms " << s.terms << ", transposed "
            << s.transposed << ", accumulate " << s.accumulate);
  const Index lda = (s.transposed ? s.M : s.K) + 3, ldc = s.N + 5;
  std::vector<std::vector<T>> a, b, panels;
  std::vector<const T*> a_of, b_of, panels_of;
  for (Index r = 0; r < s.terms; ++r) {
    a.push_back(numbers<T>((s.transposed ? s.K : s.M) * lda, 1 + static_cast<std::uint64_t>(r)));
    b.push_back(numbers<T>(s.K * s.N, 77 + static_cast<std::uint64_t>(r)));
    panels.push_back(in_panels(s.K, s.N, b.back()));
  }
  for (std::size_t r = 0; r < a.size(); ++r) {
    a_of.push_back(a[r].data());
    b_of.push_back(b[r].data());
    panels_of.push_back(panels[r].data());
  }
  const auto bias = numbers<T>(s.N, 5), before = numbers<T>(s.M * ldc, 9);
  Product<T> p{.M = s.M,
               .N = s.N,
               .K = s.K,
               .terms = s.terms,
               .a = a_of.data(),
               .b = b_of.data(),
               .ldb = s.N,
               .ldc = ldc};
  p.a_row = s.transposed ? 1 : lda;
  p.a_col = s.transposed ? lda : 1;
  p.bias = s.bias ? bias.data() : nullptr;
  p.accumulate = s.accumulate;
  for (const auto* k : tables<T>()) {
    CAPTURE(std::string(k->isa));
    auto want = before, rows = before, from_panels = before;
    p.c = want.data();
    sum_in_order(p, has_fma(*k));
    p.c = rows.data();
    k->product(p);
    CHECK(same_bits(rows, want));
    Product<T> q = p;
    q.b = panels_of.data();
    q.ldb = 0;  // not read
    q.panels = true;
    q.c = from_panels.data();
    k->product(q);
    CHECK(same_bits(from_panels, want));
  }
}

TEST_CASE_TEMPLATE("a product has every number of columns, in rows and in panels", T, float, double) {
  for (Index N = 1; N <= 101; ++N)
    check<T>({1 + N % 19, N, 1 + N * 7 % 23, 1 + N % 2, N % 3 == 0, N % 4 == 0, N % 5 < 3});
}

TEST_CASE_TEMPLATE("a product whose columns of a lie far apart is the same sum", T, float, double) {
  check<T>({16, 256, 3, 1, true});
  for (const Index M : {509, 531, 640}) check<T>({M, 300, 17, 2, true, M % 2 == 0, true});
  check<T>({700, 257, 300, 1, true});
  check<T>({515, 259, 5, 70, true});
}

TEST_CASE_TEMPLATE("a long sum over panels", T, float, double) {
  check<T>({9, 67, 1000});
  check<T>({33, 100, 130, 5, false, true});
}

/// matmul against the sum in float64, on 1 and 3 threads.
void check_matmul(Index Z, Index M, Index N, Index K, bool ta, bool tb) {
  INFO(Z << " times M " << M << ", N " << N << ", K " << K << ", ta " << ta << ", tb " << tb);
  Graph graph;
  const Var x = graph.input(ta ? Shape{Z, K, M} : Shape{Z, M, K}, "x"),
            y = graph.input(tb ? Shape{Z, N, K} : Shape{Z, K, N}, "y");
  const Var z = matmul(x, y, ta ? Transposed::yes : Transposed::no, tb ? Transposed::yes : Transposed::no);
  const Var in[] = {x, y};
  const Plan<float> plan(in, std::span(&z, 1));
  const auto a = numbers<float>(Z * M * K, 3), b = numbers<float>(Z * K * N, 4);
  const float* const inputs[] = {a.data(), b.data()};
  std::vector<float> first;
  for (const int threads : {1, 3}) {
    Arena arena;
    std::vector<float> c(static_cast<std::size_t>(Z * M * N));
    float* out = c.data();
    plan.run(inputs, std::span(&out, 1), arena, Parallel(threads));
    if (threads == 1)
      first = c;
    else
      CHECK(same_bits(c, first));
  }
  double worst = 0;
  const Index m_step = 1 + M / 40, n_step = 1 + N / 40;
  for (Index i = 0; i < Z; ++i)
    for (Index m = 0; m < M; m += m_step)
      for (Index n = 0; n < N; n += n_step) {
        double sum = 0;
        for (Index k = 0; k < K; ++k)
          sum += static_cast<double>(a[static_cast<std::size_t>(i * M * K + (ta ? k * M + m : m * K + k))]) *
                 b[static_cast<std::size_t>(i * K * N + (tb ? n * K + k : k * N + n))];
        keep_largest(worst, std::abs(sum - first[static_cast<std::size_t>((i * M + m) * N + n)]));
      }
  CHECK(worst < 1e-6 * (4 + static_cast<double>(K)));
}

TEST_CASE("matmul of odd sizes, whichever operand is transposed and however it is cut") {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      for (const Index M : {1, 2, 3, 17})
        for (const Index N : {1, 2, 3, 17, 33})
          for (const Index K : {1, 2, 3, 17}) check_matmul(1 + (M + K) % 2, M, N, K, ta, tb);
      check_matmul(1, 129, 515, 65, ta, tb);  // blocks of rows and columns
      check_matmul(2, 65, 259, 70, ta, tb);   // panels where b is transposed
      check_matmul(2, 515, 259, 70, ta, tb);  // and where it is not
      check_matmul(1, 515, 530, 33, ta, tb);
      check_matmul(1, 300, 1100, 261, ta, tb);
      check_matmul(1, 19, 37, 4100, ta, tb);  // chunks of the sum
      check_matmul(2, 5, 67, 6200, ta, tb);
    }
}

}  // namespace
