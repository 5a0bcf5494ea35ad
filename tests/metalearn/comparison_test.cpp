#include "metalearn/evaluate/comparison.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "metalearn/baselines/base_learner.hpp"
#include "metalearn/baselines/methods.hpp"
#include "metalearn/evaluate/few_shot.hpp"
#include "small_task.hpp"

using namespace metalearn;
using namespace outer_test;

namespace {

std::vector<Task> tasks_of(std::int64_t seeds) {
  std::vector<Task> tasks;
  for (std::int64_t i = 0; i < seeds; ++i)
    tasks.push_back(evaluation_seed(small_dataset(), {8}, small_config().task, 0, i));
  return tasks;
}

ComparisonOptions options_of(std::vector<std::int64_t> steps = {}, int threads = 1) {
  ComparisonOptions o;
  o.steps = std::move(steps);
  o.draws = 3;
  o.threads = threads;
  return o;
}

std::vector<Method> some_methods() {
  return {random_method(), pca_method({.components = 3, .steps = 4, .batch = 10}),
          supervised_method({.steps = 5}), vae_method({.latents = 3, .batch = 10, .marks = {2, 4}})};
}

/// The others with state of their own: what learners of one theta share, centres, one step's plan each.
std::vector<Method> more_methods() {
  const auto config = small_config();
  return {random_method(), kmeans_method({.centres = 5, .steps = 3, .batch = 10, .iterations = 3}),
          oja_method({.batch = 10, .marks = {2, 4}}),
          learned_method(config, initial_theta(config.rule, 1), 3)};
}

/// What a learner was given: its first batches, its phi_0 and its labelled draws.
using Seen = std::vector<std::vector<float>>;

struct Spy : BaseLearner {
  Spy(const Start& start, Seen* into) : BaseLearner(start), seen(into) {
    for (std::int64_t t = 0; t < 2; ++t) {
      seen->emplace_back(static_cast<std::size_t>(start.task.widths()[0] * 10));
      start.task.unlabelled(t, 10, seen->back());
    }
    seen->push_back(phi());
  }
  Matrix features(const LabelledDraw& draw) override {
    seen->emplace_back(draw.x.begin(), draw.x.end());
    return Matrix::Random(2 * static_cast<Eigen::Index>(draw.support.size()), 2);
  }
  Seen* seen;
};

}  // namespace

TEST_CASE("the interval is Student's: 0.95 of 10 values whose error is 1 is 2.262 wide on each side") {
  std::vector<double> values;
  for (int i = 0; i < 10; ++i) values.push_back(i % 2 ? 3.0 : -3.0);  // deviation sqrt(10), error 1
  const Interval interval = interval_95(values);
  CHECK(interval.mean == 0);
  CHECK(interval.standard_error == doctest::Approx(1));
  CHECK(interval.half_width == doctest::Approx(2.262157).epsilon(1e-6));
  CHECK(std::isnan(interval_95(std::vector<double>{1.0}).half_width));
  CHECK(std::isnan(interval_95(std::vector<double>{1.0, std::numeric_limits<double>::quiet_NaN()}).mean));
}

TEST_CASE("rows come by method, mark and head, and say what each method saw") {
  const auto rows = compare(some_methods(), tasks_of(2), 3, options_of());
  REQUIRE(rows.size() == 3 * (1 + 1 + 1 + 2));
  const char* methods[] = {"random", "pca", "supervised", "vae", "vae"};
  const std::int64_t steps[] = {0, 4, 5, 2, 4}, unlabelled[] = {0, 40, 0, 20, 40};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i].method == methods[i / 3]);
    CHECK(rows[i].head == kHeads[i % 3]);
    CHECK(rows[i].step == steps[i / 3]);
    CHECK(rows[i].unlabelled == unlabelled[i / 3]);
    CHECK(rows[i].seeds == 2);
    CHECK(rows[i].accuracy.mean >= 0);
    CHECK(rows[i].accuracy.mean <= 1);
    CHECK(rows[i].gain.mean == doctest::Approx(rows[i].accuracy.mean - rows[i % 3].accuracy.mean));
    CHECK(std::isfinite(rows[i].objective.mean) ==
          (rows[i].method == "vae"));  // alone has an objective of its own
  }
  CHECK(std::isnan(compare({pixels_method()}, tasks_of(2), 3, options_of())[0].gain.mean));
}

TEST_CASE("marks that are asked for hold for the methods that take steps, from where they can be scored") {
  const auto options = options_of({0, 3});
  CHECK(marks_of(pixels_method(), options) == std::vector<std::int64_t>{0});
  CHECK(marks_of(vae_method(), options) == std::vector<std::int64_t>{0, 3});
  CHECK(marks_of(pca_method(), options) == std::vector<std::int64_t>{3});
  CHECK(marks_of(vae_method(), options_of()) == vae_method().marks);
}

TEST_CASE("one, two and four threads give the same numbers") {
  for (const auto& methods : {some_methods, more_methods}) {
    const auto one = compare(methods(), tasks_of(3), 3, options_of());
    for (const int threads : {2, 4}) {
      const auto rows = compare(methods(), tasks_of(3), 3, options_of({}, threads));
      REQUIRE(rows.size() == one.size());
      for (std::size_t i = 0; i < one.size(); ++i) {
        CHECK(rows[i].accuracy.mean == one[i].accuracy.mean);
        CHECK(rows[i].accuracy.half_width == one[i].accuracy.half_width);
        CHECK(rows[i].gain.half_width == one[i].gain.half_width);
        if (rows[i].method == "vae") CHECK(rows[i].objective.mean == one[i].objective.mean);
      }
    }
  }
}

TEST_CASE(
    "every method sees the same batches, phi_0 and draws, and the learned rule's ridge accuracies are those "
    "of few_shot()") {
  Seen a, b;
  const auto spy = [](Seen& seen) {
    return Method{.name = "spy", .settings = "none", .start = [&seen](const Start& s) {
                    return std::make_unique<Spy>(s, &seen);
                  }};
  };
  compare({spy(a), spy(b)}, tasks_of(2), 3, options_of());
  CHECK(a.size() == 2 * (2 + 1 + 3));
  CHECK(a == b);
  for (std::size_t i = 0; i < 6; ++i) CHECK(a[i] != a[6 + i]);  // of the other seed

  const auto config = small_config();
  const auto theta = initial_theta(config.rule, 1);
  FewShotOptions few;
  few.steps = {0, 2, 5};
  few.hidden = {8};
  few.seeds = 2;
  few.draws = 3;
  few.batch = config.batch;
  const auto expected = few_shot(config.rule, theta, small_dataset(), config.task, few);
  const auto rows = compare({learned_method(config, theta)}, tasks_of(2), 3, options_of({0, 2, 5}));
  for (std::size_t mark = 0; mark < 3; ++mark) {
    CHECK(rows[3 * mark].accuracy.mean == doctest::Approx(expected[mark].accuracy_mean).epsilon(1e-9));
    CHECK(rows[3 * mark].accuracy.standard_error ==
          doctest::Approx(expected[mark].accuracy_se).epsilon(1e-9));
  }
}

TEST_CASE(
    "a representation that is not a number predicts nothing: accuracy 0, and every row counts the fits that "
    "were none") {
  struct Broken : Learner {
    void learn(std::int64_t) override {}
    Matrix features(const LabelledDraw& draw) override {
      return Matrix::Constant(2 * static_cast<Eigen::Index>(draw.support.size()), 2, std::nan(""));
    }
  };
  const Method broken{
      .name = "broken", .settings = "none", .start = [](const Start&) { return std::make_unique<Broken>(); }};
  for (const auto& row : compare({broken}, tasks_of(2), 3, options_of())) {
    CHECK(row.accuracy.mean == 0);
    CHECK(row.not_finite == 2 * 3);
  }

  const auto config = small_config();
  auto theta = initial_theta(config.rule, 1);
  std::fill(theta.begin(), theta.end(), std::numeric_limits<float>::quiet_NaN());
  const auto rows =
      compare({random_method(), learned_method(config, theta)}, tasks_of(2), 3, options_of({0, 2}));
  for (const auto& row : rows) CHECK(row.not_finite == (row.step == 2 ? 6 : 0));
}

TEST_CASE("no methods, no tasks, no draws and marks that do not ascend are misuse") {
  CHECK_THROWS_AS(compare({}, tasks_of(1), 3, options_of()), std::invalid_argument);
  CHECK_THROWS_AS(compare({pixels_method()}, {}, 3, options_of()), std::invalid_argument);
  CHECK_THROWS_AS(compare({pixels_method()}, tasks_of(1), 3, options_of({2, 1})), std::invalid_argument);
  CHECK_THROWS_AS(compare({pixels_method()}, tasks_of(1), 3, options_of({-1, 1})), std::invalid_argument);
  auto options = options_of();
  options.draws = 0;
  CHECK_THROWS_AS(compare({pixels_method()}, tasks_of(1), 3, options), std::invalid_argument);
}
