#include "metalearn/rules/metz_terms.hpp"

#include <cmath>
#include <vector>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"

namespace metalearn {

using namespace autodiff;

namespace {

Var times_transposed(Var a, Var b) { return matmul(a, b, Transposed::no, Transposed::yes); }

// Section 8.2: centred over the examples and scaled to unit mean square. v [N, B].
Var standardise(Var v) {
  const Var c = v - mean(v, {1});
  return c * rsqrt(mean(square(c), {1}) + 1e-6);
}

// LR(bottom, top) of section 8.1 without its 1/(B G): [rows, rows], K = columns.
Var low_rank(Var bottom, Var top) { return times_transposed(bottom, top); }

// Products with U = bottom top^T are computed in the order with fewer multiplications: U first, or one factor
// after the other.
bool factors_first(Var bottom, Index others, double factored_products) {
  const double n = static_cast<double>(bottom.shape()[0]), K = static_cast<double>(bottom.shape()[1]),
               m = static_cast<double>(others);
  return factored_products * n * K * m < n * n * (K + m);
}

// (U + U^T) / sqrt(2) with a zero diagonal.
Var symmetric(Var u) { return zero_diagonal((u + transpose(u)) * std::sqrt(0.5)); }
// Its diagonal before that, [n, 1].
Var symmetric_diagonal(Var bottom, Var top) { return sum(bottom * top, {1}) * std::sqrt(2.0); }

// symmetric(bottom top^T) m
Var symmetric_times(Var bottom, Var top, Var m) {
  if (!factors_first(bottom, m.shape()[1], 4)) return matmul(symmetric(low_rank(bottom, top)), m);
  const Var whole =
      matmul(bottom, matmul(top, m, Transposed::yes)) + matmul(top, matmul(bottom, m, Transposed::yes));
  return whole * std::sqrt(0.5) - symmetric_diagonal(bottom, top) * m;
}

// m symmetric(bottom top^T)
Var times_symmetric(Var m, Var bottom, Var top) {
  if (!factors_first(bottom, m.shape()[0], 4)) return matmul(m, symmetric(low_rank(bottom, top)));
  const Var whole = times_transposed(matmul(m, bottom), top) + times_transposed(matmul(m, top), bottom);
  return whole * std::sqrt(0.5) - m * transpose(symmetric_diagonal(bottom, top));
}

// m top top^T
Var times_square(Var m, Var top) {
  return factors_first(top, m.shape()[0], 2) ? times_transposed(matmul(m, top), top)
                                             : matmul(m, low_rank(top, top));
}

// 1 / sqrt(1 + mean_i m^2) per column, [1, J].
Var column_scale(Var m) { return rsqrt(mean(square(m), {0}) + 1.0); }

}  // namespace

Var weight_increment(const LayerView& v, const std::function<void(const std::string&, Var)>& probe) {
  const double I = static_cast<double>(v.weights.shape()[0]), J = static_cast<double>(v.weights.shape()[1]);
  const double lr = 1 / (v.batch * v.channels);  // of LR, section 8.1
  const auto across = [&](const std::string& term) {
    return low_rank(v.lower(term + "/bottom"), v.upper(term + "/top")) * lr;
  };
  const auto times_upper = [&](Var m, const std::string& term) {
    return times_symmetric(m, v.upper(term + "/bottom"), v.upper(term + "/top")) * (lr / std::sqrt(J));
  };
  const auto lower_times = [&](const std::string& term, Var m) {
    return symmetric_times(v.lower(term + "/bottom"), v.lower(term + "/top"), m) * (lr / std::sqrt(I));
  };

  const Var w = v.weights * rsqrt(mean(square(v.weights), {0}) + 1e-6);
  const Var w2 = square(w), sign_w = sign(w);
  const Var g = autodiff::sqrt(w2 + 1.0) - 1.0;
  const Var us = standardise(v.x_upper), ls = standardise(v.x_lower);
  const Var q = times_square(w, us) / (v.batch * std::sqrt(J));

  // In the order of kTerms.
  const std::array<Var, kTerms.size()> terms{
      across("0_order"),
      w * across("1_order"),
      q * rsqrt(mean_all(square(q)) + 1e-8),
      times_transposed(ls, us) / -v.batch,
      w2 * sign_w,
      lower_times("lin_lower_symm", w),
      times_square(w, v.upper("lin_upper_psd/top")) * (lr / std::sqrt(J)),
      times_upper(w, "lin_upper_symm"),
      autodiff::exp(-w2) * across("rbf"),
      lower_times("sqr_lower_symm", g) * sign_w,
      times_upper(g, "sqr_upper_symm") * sign_w,
      w,
  };

  // Section 8.3. A term's column scale includes its merge weight, so that each term is read once.
  Var sum;
  for (std::size_t k = 0; k < kTerms.size(); ++k) {
    probe(kTerms[k], terms[k]);
    const auto row = static_cast<Index>(k);
    const Var part = terms[k] * (column_scale(terms[k]) * slice(v.merge_w, 0, row, row + 1));
    sum = sum ? sum + part : part;
  }
  Var c = (sum + v.merge_b) / static_cast<double>(kTerms.size());
  c = c - w * relu(mean_all(c * w));
  c = c / std::sqrt(static_cast<double>(kTerms.size()));
  c = c * column_scale(c);
  return c - w / 7.0;
}

}  // namespace metalearn
