#include "metalearn/model/update_rules/metz_terms.hpp"

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

// (U + U^T) / sqrt(2) with a zero diagonal.
Var symmetric(Var u) { return zero_diagonal((u + transpose(u)) * std::sqrt(0.5)); }

// 1 / sqrt(1 + mean_i m^2) per column, [1, J].
Var column_scale(Var m) { return rsqrt(mean(square(m), {0}) + 1.0); }

}  // namespace

Var weight_increment(const LayerView& v, const std::function<void(const std::string&, Var)>& probe) {
  const double I = static_cast<double>(v.weights.shape()[0]), J = static_cast<double>(v.weights.shape()[1]);
  const auto low_rank = [&](Var bottom, Var top) { return times_transposed(bottom, top) / (v.batch * v.channels); };
  const auto across = [&](const std::string& term) { return low_rank(v.lower(term + "/bottom"), v.upper(term + "/top")); };
  const auto upper_matrix = [&](const std::string& term) { return symmetric(low_rank(v.upper(term + "/bottom"), v.upper(term + "/top"))) / std::sqrt(J); };
  const auto lower_matrix = [&](const std::string& term) { return symmetric(low_rank(v.lower(term + "/bottom"), v.lower(term + "/top"))) / std::sqrt(I); };

  const Var w = v.weights * rsqrt(mean(square(v.weights), {0}) + 1e-6);
  const Var w2 = square(w), sign_w = sign(w);
  const Var g = autodiff::sqrt(w2 + 1.0) - 1.0;
  const Var us = standardise(v.x_upper), ls = standardise(v.x_lower);
  const Var q = matmul(w, times_transposed(us, us) / (v.batch * std::sqrt(J)));
  const Var psd_top = v.upper("lin_upper_psd/top");

  // In the order of kTerms.
  const std::array<Var, kTerms.size()> terms{
      across("0_order"),
      w * across("1_order"),
      q * rsqrt(mean_all(square(q)) + 1e-8),
      times_transposed(ls, us) / -v.batch,
      w2 * sign_w,
      matmul(lower_matrix("lin_lower_symm"), w),
      matmul(w, low_rank(psd_top, psd_top) / std::sqrt(J)),
      matmul(w, upper_matrix("lin_upper_symm")),
      autodiff::exp(-w2) * across("rbf"),
      matmul(lower_matrix("sqr_lower_symm"), g) * sign_w,
      matmul(g, upper_matrix("sqr_upper_symm")) * sign_w,
      w,
  };

  // Section 8.3. A term's column scale takes its merge weight along, so that each term is read once.
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
