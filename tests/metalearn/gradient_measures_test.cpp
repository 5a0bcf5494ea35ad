#include "metalearn/analysis/gradient_measures.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/error.hpp"

using namespace metalearn;
using autodiff::Step;

namespace {

/// phi_{t+1} = a phi_t + theta, number by number; J_{t+1} = sum of phi_{t+1}. All in closed form.
template <class T>
class Linear final : public autodiff::Segment<T> {
 public:
  Linear(std::vector<T> factors, T theta) : a(std::move(factors)), theta_(theta) {}
  std::size_t state_size() const override { return a.size(); }
  std::size_t theta_size() const override { return 1; }
  std::size_t tape_size() const override { return 0; }
  std::size_t working_bytes() const override { return 0; }
  void advance(Step t, std::span<const T> phi, std::span<T> next) override {
    ++advanced;
    forward(t, phi, next);
  }
  void turn(Step t, std::span<const T> phi, std::span<T> next, std::span<const T> adjoint_next,
            std::span<T> adjoint, std::span<T> contribution) override {
    ++turned;
    forward(t, phi, next);
    contribution[0] = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      contribution[0] += adjoint_next[i] + 1;
      adjoint[i] = a[i] * (adjoint_next[i] + 1);
    }
  }
  void record(Step, std::span<const T>, std::span<T>, std::span<T>) override {
    throw std::logic_error("keeps no tapes");
  }
  void reverse(Step, std::span<const T>, std::span<const T>, std::span<T>, std::span<T>) override {
    throw std::logic_error("keeps no tapes");
  }

  std::vector<T> a;
  int advanced = 0, turned = 0;
  Step fails_at = -1;  ///< phi_{t+1} comes out with other bits the second time

 private:
  void forward(Step t, std::span<const T> phi, std::span<T> next) {
    for (std::size_t i = 0; i < a.size(); ++i) next[i] = a[i] * phi[i] + theta_;
    if (t == fails_at && failing_++ > 0) next[0] += T(1e-3);
  }
  T theta_;
  int failing_ = 0;
};

/// x -> 4 x (1 - x): chaotic, its Lyapunov exponent is log 2.
class Logistic final : public autodiff::Segment<double> {
 public:
  std::size_t state_size() const override { return 1; }
  std::size_t theta_size() const override { return 1; }
  std::size_t tape_size() const override { return 0; }
  std::size_t working_bytes() const override { return 0; }
  void advance(Step t, std::span<const double> phi, std::span<double> next) override {
    if (t == stops_at) throw std::runtime_error("stopped");
    next[0] = 4 * phi[0] * (1 - phi[0]);
  }
  void turn(Step, std::span<const double>, std::span<double>, std::span<const double>, std::span<double>,
            std::span<double>) override {}
  void record(Step, std::span<const double>, std::span<double>, std::span<double>) override {}
  void reverse(Step, std::span<const double>, std::span<const double>, std::span<double>,
               std::span<double>) override {}
  Step stops_at = -1;
};

std::vector<double> log_growth(autodiff::Segment<double>& segment, std::vector<double> phi,
                               std::vector<double> delta, Step T) {
  std::vector<double> growth;
  metalearn::log_growth(segment, phi, delta, T, growth);
  return growth;
}

/// d/dtheta of the mean objective of one number: sum over steps t of the powers of a that the window reaches
/// back to.
double closed_form(double a, Step T, Step window) {
  double sum = 0;
  for (Step t = 1; t <= T; ++t)
    for (Step s = (t - 1) / window * window; s < t; ++s) sum += std::pow(a, static_cast<double>(t - 1 - s));
  return sum / static_cast<double>(T);
}

}  // namespace

TEST_CASE(
    "the growth of a perturbation of a linear step is that of its factor, whatever its direction and however "
    "long") {
  for (double a : {0.5, 1.0, 1.01, 3.0}) {
    CAPTURE(a);
    Linear<double> segment({a, a, -a}, 0.1);
    const auto growth = log_growth(segment, {1, -2, 3}, {0.3, -0.4, 0.5}, 60);
    REQUIRE(growth.size() == 60);
    for (std::size_t t = 0; t < growth.size(); ++t)
      CHECK(growth[t] == doctest::Approx(static_cast<double>(t + 1) * std::log(a)).epsilon(1e-6).scale(1));
  }
}

TEST_CASE(
    "where directions grow at rates of their own, the growth is that of the perturbation's norm, and in the "
    "long run that of the fastest") {
  Linear<double> segment({1.2, 0.7}, 0);
  const auto growth = log_growth(segment, {1, 1}, {0.01, 5}, 200);
  for (int t = 1; t <= 200; ++t) {
    const double expected =
        std::log(std::hypot(0.01 * std::pow(1.2, t), 5 * std::pow(0.7, t)) / std::hypot(0.01, 5));
    CHECK(growth[static_cast<std::size_t>(t) - 1] == doctest::Approx(expected).epsilon(1e-4).scale(1));
  }
  CHECK(growth.back() - growth[99] == doctest::Approx(100 * std::log(1.2)).epsilon(1e-4));
}

TEST_CASE(
    "the growth of a chaotic step tends to its Lyapunov exponent; what was found before a step that throws "
    "stays") {
  Logistic segment;
  const auto growth = log_growth(segment, {0.3}, {1}, 20000);
  CHECK(growth.back() / 20000 == doctest::Approx(std::log(2)).epsilon(0.01));
  segment.stops_at = 7;
  std::vector<double> known;
  const std::vector<double> phi = {0.3}, delta = {1.0};
  CHECK_THROWS_AS(metalearn::log_growth(segment, phi, delta, 20, known), std::runtime_error);
  CHECK(known == std::vector<double>(growth.begin(), growth.begin() + 7));
}

TEST_CASE("a perturbation that vanishes has grown by minus infinity from there on") {
  Linear<double> segment({0.0}, 1);
  for (double g : log_growth(segment, {1}, {1}, 3)) CHECK(g == -std::numeric_limits<double>::infinity());
}

TEST_CASE_TEMPLATE(
    "the gradient through windows is the closed form's, in every budget that it can be had with; the "
    "smallest one is refused below",
    T, float, double) {
  for (Step length : {Step{1}, Step{2}, Step{7}, Step{24}})
    for (Step window = 1; window <= length; ++window) {
      CAPTURE(length);
      CAPTURE(window);
      Linear<T> segment({T(0.9)}, T(0.3));
      const auto profile = profile_without_tapes(segment);
      const std::vector<T> phi = {T(2)};
      const std::size_t least = smallest_gradient_memory(length, profile);
      const auto whole = windowed_gradient<T>(segment, phi, length, window, std::size_t{1} << 30);
      CHECK(whole[0] ==
            doctest::Approx(closed_form(0.9, length, window)).epsilon(sizeof(T) == 4 ? 1e-5 : 1e-12));
      CHECK(windowed_gradient<T>(segment, phi, length, window, least) == whole);
      CHECK(windowed_gradient<T>(segment, phi, length, window,
                                 least + 3 * autodiff::slot_bytes(1, sizeof(T))) == whole);
      CHECK_THROWS_AS(windowed_gradient<T>(segment, phi, length, window, least - 1),
                      autodiff::BudgetTooSmall);
    }
}

TEST_CASE("what a gradient through windows speed is what it runs, and never more with more memory") {
  const autodiff::StepSpeed speed{1, 2};
  for (Step length : {Step{1}, Step{7}, Step{24}})
    for (Step window = 1; window <= length; ++window) {
      CAPTURE(length);
      CAPTURE(window);
      double before = 1e300;
      for (int slots = 0; slots < 26; ++slots) {
        Linear<double> segment({0.9}, 0.3);
        const auto profile = profile_without_tapes(segment);
        const std::size_t memory = smallest_gradient_memory(length, profile) +
                                   static_cast<std::size_t>(slots) * autodiff::slot_bytes(1, sizeof(double));
        windowed_gradient<double>(segment, std::vector<double>{2.0}, length, window, memory);
        const double cost = windowed_cost(length, window, profile, speed, memory);
        CHECK(segment.turned == length);
        CHECK(cost == segment.advanced + 3 * segment.turned);
        CHECK(cost <= before);
        before = cost;
      }
      Linear<double> segment({0.9}, 0.3);
      const auto profile = profile_without_tapes(segment);
      CHECK_THROWS_AS(
          windowed_cost(length, window, profile, speed, smallest_gradient_memory(length, profile) - 1),
          autodiff::BudgetTooSmall);
    }
}

TEST_CASE("a state that is computed again with other bits is a fault of the machine, and no gradient") {
  Linear<float> segment({0.9f}, 0.3f);
  segment.fails_at = 3;
  const std::vector<float> phi = {2};
  try {
    windowed_gradient<float>(segment, phi, 9, 9, smallest_gradient_memory(9, profile_without_tapes(segment)));
    FAIL("gave a gradient");
  } catch (const checkpoints::MachineFault& e) {
    CHECK(e.exit_code == 76);
    for (const char* part : {"the gradient through 9 steps", "the state before step 4",
                             "check this machine's memory and processor"})
      CHECK(std::string(e.what()).find(part) != std::string::npos);
  }
}

TEST_CASE(
    "the cosine of equal vectors is exactly 1, of opposite ones -1, also where squares would overflow; of "
    "none it is not a number") {
  const std::vector<double> a = {0.1, -0.7, 1.0 / 3}, huge = {1e300, -7e300, 1e300 / 0.3},
                            back = {-0.1, 0.7, -1.0 / 3}, none = {0, 0, 0}, across = {0.7, 0.1, 0};
  CHECK(cosine(a, a) == 1);
  CHECK(cosine(a, back) == -1);
  CHECK(cosine(huge, huge) == 1);
  CHECK(cosine(a, huge) == doctest::Approx(1));
  CHECK(cosine(a, across) == doctest::Approx(0).scale(1));
  CHECK(std::isnan(cosine(a, none)));
  CHECK(std::isnan(cosine(a, std::vector<double>{1, 2, std::nan("")})));
}

TEST_CASE("correct digits: each tenth of the error is one more; none where the error is more than half") {
  const auto digits = [](double error) {
    return correct_digits(std::vector<double>{3 * (1 + error), 4 * (1 + error)}, std::vector<double>{3, 4});
  };
  CHECK(digits(0.5) == doctest::Approx(1));
  CHECK(digits(0.05) == doctest::Approx(2));
  CHECK(digits(5e-8) == doctest::Approx(8));
  CHECK(digits(0.6) < kFirstDigit);
  CHECK(digits(1e9) == 0);
  CHECK(digits(-2) < kFirstDigit);  // the opposite direction
  CHECK(digits(0) == 16);
  CHECK(digits(1e306) == 0);
  CHECK(digits(std::nan("")) == 0);
}

TEST_CASE(
    "signal to noise: the mean over its standard error, growing with the root of the number; noise alone "
    "gives about 1; one says nothing") {
  // Mean (2, 0), spread 1 around it in each of two numbers: standard error sqrt(2 / 3) of four.
  const std::vector<std::vector<float>> four = {{3, 1}, {1, -1}, {3, -1}, {1, 1}};
  CHECK(signal_to_noise(four) == doctest::Approx(2 / std::sqrt(8.0 / 12)));
  CHECK(std::isnan(signal_to_noise(std::span(four).first(1))));
  CHECK(std::isinf(signal_to_noise(std::vector<std::vector<float>>{{1, 2}, {1, 2}})));
}
