#include "metalearn/evaluate/few_shot.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "checkpoints/error.hpp"
#include "metalearn/rules/update_rule.hpp"

using namespace metalearn;

namespace {

/// 4x4 images: class c is bright in row c, every image also carries its own number.
ImageSet images(int per_class, int classes) {
  ImageSet set;
  set.height = set.width = 4;
  for (int i = 0; i < per_class * classes; ++i) {
    const int label = i % classes;
    for (int p = 0; p < 16; ++p)
      set.pixels.push_back(
          static_cast<std::uint8_t>((p / 4 == label ? 180 : 20) + (i * 31 + p * p * 7) % 60));
    set.pixels[set.pixels.size() - 1] = static_cast<std::uint8_t>(i);
    set.labels.push_back(label);
  }
  return set;
}

std::shared_ptr<const Dataset> rows_of_light() {
  auto set = std::make_shared<Dataset>();
  set->name = "rows";
  set->source = "test";
  set->class_names = {"top", "upper", "lower"};
  set->train = images(30, 3);
  set->test = set->validation = images(25, 3);
  return set;
}

TaskConfig task_config() {
  TaskConfig c;
  c.resolution = 4;
  c.classes_min = 2;
  c.classes_max = 3;
  c.width_min = 8;
  c.width_max = 16;
  c.representation = 6;
  c.labels_per_class = 5;
  return c;
}

RuleConfig rule() {
  RuleConfig r;
  r.H = r.S = 4;
  r.D = r.G = 2;
  r.N_L = 6;
  r.inner_rate = 0.1;
  return r;
}

FewShotOptions options() {
  FewShotOptions o;
  o.steps = {0, 1, 3};
  o.hidden = {8};
  o.seeds = 3;
  o.draws = 2;
  o.batch = 10;
  o.labels_per_class = 5;
  return o;
}

std::vector<FewShotRow> run(const std::vector<float>& theta, const FewShotOptions& o) {
  return few_shot(rule(), theta, rows_of_light(), task_config(), o);
}

void check_same(const FewShotRow& a, const FewShotRow& b) {
  CHECK(a.data == b.data);
  CHECK(a.step == b.step);
  CHECK(a.accuracy_mean == b.accuracy_mean);
  CHECK(a.accuracy_se == b.accuracy_se);
  CHECK(a.objective_mean == b.objective_mean);
  CHECK(a.objective_se == b.objective_se);
}

}  // namespace

TEST_CASE(
    "an evaluation that is stopped before any inner step gives no rows; one that is only asked gives all") {
  const auto theta = initial_theta(rule(), 1);
  FewShotOptions o = options();
  int questions = 0;
  o.stop = [&] { return ++questions < 0; };
  CHECK(run(theta, o).size() == 3);
  CHECK(questions == 9);  // three seeds, three steps
  for (int yes = 1; yes <= 9; ++yes) {
    int asked_so_far = 0;
    o.stop = [&] { return ++asked_so_far == yes; };
    CHECK(run(theta, o).empty());
  }
}

TEST_CASE("rows carry the name of the rule that was evaluated") {
  RuleConfig r = rule();
  CHECK(run(initial_theta(r, 1), options())[0].method == "learned");
  r.rule = "synaptic";
  CHECK(few_shot(r, initial_theta(r, 1), rows_of_light(), task_config(), options())[0].method == "synaptic");
}

TEST_CASE(
    "there is one row per mark, in order, named and counted, and random features beat chance where the "
    "classes are plain") {
  const auto rows = run(initial_theta(rule(), 1), options());
  REQUIRE(rows.size() == 3);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i].step == options().steps[i]);
    CHECK(rows[i].data == "rows");
    CHECK(rows[i].method == "learned");
    CHECK(rows[i].seeds == 3);
    CHECK(rows[i].accuracy_mean <= 1);
    CHECK(std::isfinite(rows[i].objective_mean));
    CHECK(rows[i].objective_se > 0);
  }
  CHECK(rows[0].accuracy_mean > 0.6);
}

TEST_CASE("a few-shot table does not depend on the threads") {
  auto o = options();
  const auto theta = initial_theta(rule(), 1);
  const auto one = run(theta, o);
  for (int threads : {2, 3}) {
    o.threads = threads;
    const auto many = run(theta, o);
    for (std::size_t i = 0; i < one.size(); ++i) check_same(one[i], many[i]);
  }
}

TEST_CASE("step 0 does not depend on theta, later steps do") {
  const auto a = run(initial_theta(rule(), 1), options()), b = run(initial_theta(rule(), 2), options());
  check_same(a[0], b[0]);
  CHECK(a[2].objective_mean != b[2].objective_mean);
  CHECK(a[0].objective_mean != a[2].objective_mean);
}

TEST_CASE("looking at a mark does not change the way to the next") {
  auto o = options();
  const auto all = run(initial_theta(rule(), 1), o);
  o.steps = {3};
  check_same(run(initial_theta(rule(), 1), o)[0], all[2]);
}

TEST_CASE("other evaluation seeds give other base models and draws") {
  auto o = options();
  const auto a = run(initial_theta(rule(), 1), o);
  o.seed = 1;
  CHECK(run(initial_theta(rule(), 1), o)[0].objective_mean != a[0].objective_mean);
}

TEST_CASE(
    "the labelled examples that fit the head and those that score it are disjoint, every class as often as "
    "asked") {
  const auto set = rows_of_light();
  const Task task = evaluation_task(set, {8}, task_config(), 5);
  const std::int64_t n = 3 * 5, inputs = task.widths()[0];
  REQUIRE(inputs == 16);
  std::vector<float> x(static_cast<std::size_t>(inputs * 2 * n));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(2 * n));
  for (int draw = 0; draw < 20; ++draw) {
    task.labelled(0, draw, x, labels);
    std::set<float> number[2];  // the last pixel is the image's number
    int count[2][3] = {};
    for (std::int64_t e = 0; e < 2 * n; ++e) {
      number[e / n].insert(x[static_cast<std::size_t>((inputs - 1) * 2 * n + e)]);
      ++count[e / n][labels[static_cast<std::size_t>(e)]];
    }
    for (int half : {0, 1})
      for (int c : {0, 1, 2}) CHECK(count[half][c] == 5);
    CHECK(number[0].size() == static_cast<std::size_t>(n));
    for (float f : number[0]) CHECK(number[1].count(f) == 0);
  }
}

TEST_CASE("a theta that is not a number is reported as such: no objective, nothing right, step 0 untouched") {
  auto theta = initial_theta(rule(), 1);
  const auto good = run(theta, options());
  for (float& value : theta) value = std::numeric_limits<float>::quiet_NaN();
  const auto rows = run(theta, options());
  check_same(rows[0], good[0]);
  CHECK(std::isnan(rows[1].objective_mean));
  CHECK(rows[1].accuracy_mean == 0);
}

TEST_CASE(
    "validation runs over held-out tasks, each with its own widths and classes, the same bits for any "
    "threads") {
  const TaskDistribution tasks(task_config(), {rows_of_light()}, 3);
  auto o = options();
  o.hidden = {999};
  const auto theta = initial_theta(rule(), 1);
  const auto one = validate(rule(), theta, tasks, 4, o);
  o.threads = 2;
  const auto two = validate(rule(), theta, tasks, 4, o);
  REQUIRE(one.size() == 3);
  CHECK(one[0].data == "validation");
  CHECK(one[0].seeds == 4);
  for (std::size_t i = 0; i < one.size(); ++i) check_same(one[i], two[i]);
}

TEST_CASE(
    "a memory budget and threads that are left over change no bits; where not one base model fits, the "
    "smallest budget is named, and works") {
  const auto theta = initial_theta(rule(), 1);
  auto o = options();
  const auto free = run(theta, o);
  CHECK(free[1].seconds_per_step > 0);
  o.memory = 1;
  std::uint64_t smallest = 0;
  try {
    run(theta, o);
  } catch (const checkpoints::MemoryBudget& e) {
    const std::string what = e.what();
    smallest = std::stoull(what.substr(what.rfind(' ')));
  }
  REQUIRE(smallest > 0);
  o.memory = smallest - 1;
  CHECK_THROWS_AS(run(theta, o), checkpoints::MemoryBudget);
  o.memory = smallest;  // one after the other, each on all threads
  o.threads = 4;
  const auto bound = run(theta, o);
  for (std::size_t i = 0; i < free.size(); ++i) check_same(bound[i], free[i]);
}

TEST_CASE("tasks that report share nothing with those that choose") {
  const TaskDistribution tasks(task_config(), {rows_of_light()}, 3);
  const auto theta = initial_theta(rule(), 1);
  const auto chosen = validate(rule(), theta, tasks, 4, options()),
             reported = validate(rule(), theta, tasks, 4, options(), Role::test);
  CHECK(reported[0].data == "test");
  CHECK(reported[0].seeds == 4);
  CHECK(reported[0].objective_mean != chosen[0].objective_mean);
}

TEST_CASE(
    "the gain is paired: the mean over seeds of what each gained on its own start, with the error of that "
    "mean") {
  const auto theta = initial_theta(rule(), 1);
  const auto rows = run(theta, options());
  CHECK(rows[0].gain_mean == 0);
  CHECK(rows[0].gain_se == 0);
  CHECK(rows[2].gain_mean == doctest::Approx(rows[2].accuracy_mean - rows[0].accuracy_mean));
  auto o = options();
  o.seeds = 1;  // the seeds of an evaluation are 0, 1, 2: the first alone says what it gained
  std::vector<double> gains;
  const auto one = run(theta, o);
  gains.push_back(one[2].accuracy_mean - one[0].accuracy_mean);
  o.seeds = 2;
  const auto two = run(theta, o);
  gains.push_back(2 * (two[2].accuracy_mean - two[0].accuracy_mean) - gains[0]);
  CHECK(two[2].gain_se == doctest::Approx(std::abs(gains[0] - gains[1]) / 2));
  o.steps = {1, 3};
  CHECK(std::isnan(run(theta, o)[1].gain_mean));
}

TEST_CASE(
    "the best mark is the most accurate, then of the lowest objective, then the first; never step 0 or one "
    "that is not finite") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto row = [](std::int64_t step, double accuracy, double objective) {
    return FewShotRow{"d", "learned", step, accuracy, 0, objective, 0, 1};
  };
  CHECK(best_mark({}) == nullptr);
  CHECK(best_mark({row(0, 0.9, 0.1), row(10, nan, 1), row(25, 0.5, nan)}) == nullptr);
  const std::vector<FewShotRow> rows = {row(0, 0.9, 0.1),  row(10, 0.6, 1.0), row(25, 0.6, 0.9),
                                        row(50, 0.6, 0.9), row(75, 0.7, nan), row(100, 0.5, 0.1)};
  REQUIRE(best_mark(rows));
  CHECK(best_mark(rows)->step == 25);
}

TEST_CASE("marks that do not ascend, no seeds, no draws and a theta of another size are misuse") {
  const auto theta = initial_theta(rule(), 1);
  for (std::vector<std::int64_t> steps : {std::vector<std::int64_t>{}, {-1, 2}, {0, 0}, {3, 1}}) {
    auto o = options();
    o.steps = steps;
    CHECK_THROWS_AS(run(theta, o), std::invalid_argument);
  }
  auto o = options();
  o.seeds = 0;
  CHECK_THROWS_AS(run(theta, o), std::invalid_argument);
  o = options();
  o.draws = 0;
  CHECK_THROWS_AS(run(theta, o), std::invalid_argument);
  CHECK_THROWS_AS(run(std::vector<float>(theta.begin(), theta.end() - 1), options()), std::invalid_argument);
}
