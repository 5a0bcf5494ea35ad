// The terms that multiply by a matrix of low rank take whichever order costs less: both must give what
// section 8.2 says.
#include "metalearn/rules/metz_terms.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <random>

#include "autodiff/plan/plan.hpp"

using namespace autodiff;
using namespace metalearn;

namespace {

using Matrix = std::vector<std::vector<double>>;

// sym(LR(bottom, top)) / sqrt(n) of section 8.2, or LR(top, top) / sqrt(n) where `symmetric` is false.
Matrix square_matrix(const Matrix& bottom, const Matrix& top, double batch_channels, bool symmetric) {
  const std::size_t n = bottom.size();
  const auto lr = [&](std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t k = 0; k < bottom[i].size(); ++k) sum += bottom[i][k] * top[j][k];
    return sum / batch_channels;
  };
  Matrix m(n, std::vector<double>(n, 0.0));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      if (!symmetric)
        m[i][j] = lr(i, j) / std::sqrt(static_cast<double>(n));
      else if (i != j)
        m[i][j] = (lr(i, j) + lr(j, i)) / std::sqrt(2.0) / std::sqrt(static_cast<double>(n));
  return m;
}

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c(a.size(), std::vector<double>(b[0].size(), 0.0));
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < b[0].size(); ++j)
      for (std::size_t k = 0; k < b.size(); ++k) c[i][j] += a[i][k] * b[k][j];
  return c;
}

Matrix map(const Matrix& a, const std::function<double(double)>& f) {
  Matrix b = a;
  for (auto& row : b)
    for (double& x : row) x = f(x);
  return b;
}

}  // namespace

TEST_CASE("terms of low rank have the value of section 8.2 in either order of their products") {
  const std::size_t B = 3, G = 2;
  // Rows, columns: few and many against B G = 6, so that each term is computed both ways.
  for (auto [I, J] : {std::pair<std::size_t, std::size_t>{60, 5}, {5, 60}, {70, 70}, {3, 4}}) {
    INFO(I, " rows, ", J, " columns");
    std::mt19937 random(5);
    Graph graph;
    std::vector<Var> inputs;
    std::vector<std::vector<double>> values;
    const auto draw = [&](std::size_t rows, std::size_t cols) {
      Matrix m(rows, std::vector<double>(cols));
      auto& flat = values.emplace_back();
      for (auto& row : m)
        for (double& x : row) flat.push_back(x = std::normal_distribution<double>(0, 1)(random));
      inputs.push_back(graph.input(Shape{static_cast<Index>(rows), static_cast<Index>(cols)},
                                   "v" + std::to_string(inputs.size())));
      return m;
    };
    const Matrix W = draw(I, J);
    draw(I, B), draw(J, B), draw(12, 1);
    std::map<std::string, std::pair<Var, Matrix>> lower, upper;
    for (const char* name : kLowerReadouts) {
      const Matrix m = draw(I, B * G);
      lower[name] = {inputs.back(), m};
    }
    for (const char* name : kUpperReadouts) {
      const Matrix m = draw(J, B * G);
      upper[name] = {inputs.back(), m};
    }
    inputs.push_back(graph.input(Shape{1}, "merge_b"));
    values.push_back({0.1});
    const auto read = [](const auto& readouts) {
      return [&](const std::string& name) {
        for (const auto& [full, r] : readouts)
          if (full.ends_with(name)) return r.first;
        throw std::logic_error("no readout " + name);
      };
    };
    const LayerView view{inputs[0],
                         inputs[1],
                         inputs[2],
                         read(lower),
                         read(upper),
                         inputs[3],
                         inputs.back(),
                         static_cast<double>(B),
                         static_cast<double>(G)};
    std::vector<Var> outputs;
    std::vector<std::string> names;
    weight_increment(view, [&](const std::string& name, Var v) {
      names.push_back(name);
      outputs.push_back(v);
    });

    Matrix w = W;
    for (std::size_t j = 0; j < J; ++j) {
      double square = 0;
      for (std::size_t i = 0; i < I; ++i) square += W[i][j] * W[i][j];
      for (std::size_t i = 0; i < I; ++i)
        w[i][j] = W[i][j] / std::sqrt(square / static_cast<double>(I) + 1e-6);
    }
    const auto values_of = [](const auto& readouts, const std::string& name) {
      for (const auto& [full, r] : readouts)
        if (full.ends_with(name)) return r.second;
      throw std::logic_error("no readout " + name);
    };
    const auto symmetric = [&](const auto& readouts, const std::string& term) {
      return square_matrix(values_of(readouts, term + "/bottom"), values_of(readouts, term + "/top"),
                           static_cast<double>(B * G), true);
    };
    const Matrix g = map(w, [](double x) { return std::sqrt(1 + x * x) - 1; });
    const auto signed_by_w = [&](Matrix m) {
      for (std::size_t i = 0; i < I; ++i)
        for (std::size_t j = 0; j < J; ++j) m[i][j] *= w[i][j] > 0 ? 1 : -1;
      return m;
    };
    const Matrix top = values_of(upper, "lin_upper_psd/top");
    const std::map<std::string, Matrix> expected{
        {"lin_lower_symm", product(symmetric(lower, "lin_lower_symm"), w)},
        {"sqr_lower_symm", signed_by_w(product(symmetric(lower, "sqr_lower_symm"), g))},
        {"lin_upper_symm", product(w, symmetric(upper, "lin_upper_symm"))},
        {"sqr_upper_symm", signed_by_w(product(g, symmetric(upper, "sqr_upper_symm")))},
        {"lin_upper_psd", product(w, square_matrix(top, top, static_cast<double>(B * G), false))},
    };

    const Plan<double> plan(inputs, outputs);
    std::vector<const double*> in;
    for (const auto& v : values) in.push_back(v.data());
    std::vector<std::vector<double>> results(outputs.size(), std::vector<double>(I * J));
    std::vector<double*> out;
    for (auto& r : results) out.push_back(r.data());
    Arena arena;
    const Parallel serial(1);
    plan.run(in, out, arena, serial);
    std::size_t compared = 0;
    for (std::size_t k = 0; k < names.size(); ++k) {
      const auto found = expected.find(names[k]);
      if (found == expected.end()) continue;
      ++compared;
      CAPTURE(names[k]);
      double worst = 0;
      for (std::size_t i = 0; i < I; ++i)
        for (std::size_t j = 0; j < J; ++j)
          worst = std::max(worst, std::abs(results[k][i * J + j] - found->second[i][j]));
      CHECK(worst < 1e-12);
    }
    CHECK(compared == expected.size());
  }
}
