#include "metalearn/windows/windowed.hpp"

#include <doctest/doctest.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cmath>
#include <cstring>
#include <thread>

#include "../checkpoints/fixture.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "metalearn/base/finite.hpp"
#include "metalearn/steps/step_measurement.hpp"
#include "small_task.hpp"
#include "with_tapes.hpp"

using namespace outer_test;

namespace {

InFlight begin(const Config& c, std::uint64_t id, std::int64_t length) {
  InFlight task = small_tasks(c)(id);
  task.length = length;
  return task;
}

template <class T>
std::vector<T> as(const std::vector<float>& x) {
  return {x.begin(), x.end()};
}

/// Steps t0 .. t0+k-1 in float64, every state kept, then back: sum of objectives and its gradient, written
/// without looking at windowed.cpp.
struct Reference {
  double first = 0, last = 0, mean = 0;
  std::vector<double> gradient, end;
};

Reference unroll(const Config& c, const std::vector<float>& theta32, const Task& task,
                 const std::vector<float>& phi, std::int64_t t0, std::int64_t k) {
  const StepShape shape{task.widths(), c.batch, task.classes(), c.task.labels_per_class, c.averages};
  InnerStep<double> step(c.rule, shape);
  const auto theta = as<double>(theta32);
  const auto n = static_cast<std::size_t>(shape.labelled()),
             inputs = static_cast<std::size_t>(shape.widths[0]);
  std::vector<std::vector<double>> states = {as<double>(phi)};
  const auto batch = [&](std::int64_t t) {
    std::vector<float> x(inputs * static_cast<std::size_t>(c.batch));
    task.unlabelled(t, c.batch, x);
    return as<double>(x);
  };
  for (std::int64_t i = 0; i < k; ++i) {
    states.emplace_back(phi.size());
    step.advance(theta, states[static_cast<std::size_t>(i)], batch(t0 + i), states.back());
  }
  Reference r;
  r.gradient.assign(theta.size(), 0.0);
  r.end = states.back();
  std::vector<double> adjoint_next(phi.size(), 0.0), adjoint(phi.size()), next(phi.size()),
      contribution(r.gradient.size());
  for (std::int64_t i = k - 1; i >= 0; --i) {
    const auto averages = static_cast<std::size_t>(c.averages);
    std::vector<std::vector<double>> wide(averages), targets(averages);
    std::vector<LabelledPair<double>> pairs;
    for (std::size_t pair = 0; pair < averages; ++pair) {
      std::vector<float> x(inputs * 2 * n);
      std::vector<std::int32_t> labels(2 * n);
      task.labelled(t0 + i + 1, static_cast<std::int64_t>(pair), x, labels);
      wide[pair] = as<double>(x);
      std::vector<double>& y = targets[pair];
      y.resize(2 * n * static_cast<std::size_t>(shape.classes));
      standardise_targets<double>(std::span(labels).first(n), shape.classes,
                                  std::span(y).first(y.size() / 2));
      standardise_targets<double>(std::span(labels).last(n), shape.classes, std::span(y).last(y.size() / 2));
      pairs.push_back({wide[pair], y});
    }
    const auto x = batch(t0 + i);
    const double j = step.turn({theta, states[static_cast<std::size_t>(i)], x, pairs, adjoint_next}, next,
                               adjoint, contribution);
    adjoint_next = adjoint;
    for (std::size_t m = 0; m < contribution.size(); ++m) r.gradient[m] += contribution[m];
    if (i == k - 1) r.last = j;
    r.first = j;
    r.mean += j / static_cast<double>(k);
  }
  for (double& g : r.gradient) g /= static_cast<double>(k);
  return r;
}

double relative_error(const std::vector<float>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(difference / size);
}

}  // namespace

TEST_CASE(
    "with window and length both T the gradient is that of the whole unroll, back-propagated in float64, "
    "also with several labelled pairs") {
  Config c = small_config();
  SUBCASE("one pair") { c.averages = 1; }
  SUBCASE("two pairs") { c.averages = 2; }
  c.set("unroll", "5");
  Windowed windowed(c);
  InFlight task = begin(c, 2, 5);
  const auto theta = initial_theta(c.rule, 1);
  const Reference reference = unroll(c, theta, task.task, task.phi, 0, 5);
  const GradientEstimate e = windowed.estimate(theta, task, 0);
  REQUIRE(e.finite);
  CHECK(e.steps == 5);
  CHECK(task.age == 5);
  CHECK(relative_error(e.gradient, reference.gradient) <
        1e-2);  // float32's own error is up to 5e-2 on larger models (specification section 11.1)
  CHECK(relative_error(task.phi, reference.end) < 1e-4);
  CHECK(e.objective_first == doctest::Approx(reference.first).epsilon(1e-3));
  CHECK(e.objective_last == doctest::Approx(reference.last).epsilon(1e-3));
}

TEST_CASE("a later window starts at the carried phi and age, and its gradient is cut off there") {
  Config c = small_config();
  c.window_min = c.window_max = 3;
  Windowed windowed(c);
  InFlight task = begin(c, 4, 9);
  const auto theta = initial_theta(c.rule, 1);
  windowed.estimate(theta, task, 0);
  REQUIRE(task.age == 3);
  const Reference reference = unroll(c, theta, task.task, task.phi, 3, 3);
  const GradientEstimate e = windowed.estimate(theta, task, 1);
  CHECK(relative_error(e.gradient, reference.gradient) < 1e-2);
  CHECK(relative_error(task.phi, reference.end) < 1e-4);
}

TEST_CASE("windows chained visit the states of one long unroll, bit for bit") {
  Config c = small_config();
  Windowed windowed(c);
  const auto theta = initial_theta(c.rule, 1);
  InFlight whole = begin(c, 3, 12), chained = begin(c, 3, 12);
  REQUIRE(windowed.advance(theta, whole, 12));
  int windows = 0;
  for (; chained.age < chained.length; ++windows) windowed.estimate(theta, chained, windows);
  CHECK(windows > 1);
  CHECK(chained.age == 12);
  CHECK(chained.phi == whole.phi);
}

TEST_CASE("windows run by two threads at once give the bits of one thread") {
  const Config c = small_config();
  const auto theta = initial_theta(c.rule, 1);
  Windowed windowed(c);
  const auto run = [&](int threads) {
    std::vector<InFlight> tasks;
    for (std::uint64_t id = 0; id < 6; ++id) tasks.push_back(begin(c, id, 20));
    std::vector<GradientEstimate> estimates(tasks.size());
    autodiff::Parallel(threads).for_each(
        tasks.size(), [&](std::size_t i) { estimates[i] = windowed.estimate(theta, tasks[i], 0); });
    std::vector<float> all;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      all.insert(all.end(), estimates[i].gradient.begin(), estimates[i].gradient.end());
      all.insert(all.end(), tasks[i].phi.begin(), tasks[i].phi.end());
    }
    return all;
  };
  CHECK(run(1) == run(2));
}

namespace {

/// A budget of the window's smallest and so many states more.
autodiff::Budget budget_of(const Config& c, const InFlight& task, std::int64_t k, std::size_t states,
                           std::uint64_t disk_bytes = 0) {
  InnerStep<float> step(
      c.rule, {task.task.widths(), c.batch, task.task.classes(), c.task.labels_per_class, c.averages});
  return {autodiff::smallest_memory(k, step_profile(step)) +
              states * autodiff::slot_bytes(task.phi.size(), sizeof(float)),
          disk_bytes};
}

}  // namespace

TEST_CASE(
    "within every memory budget, with a disk or without, on one thread and on three, the estimate has the "
    "same bits, and nothing stays on the disk") {
  Config c = small_config();
  c.set("unroll", "12");
  const auto theta = initial_theta(c.rule, 1);
  const InFlight start = begin(c, 2, 12);
  InFlight task = start;
  const GradientEstimate expected = Windowed(c).estimate(theta, task, 0);
  const auto phi = task.phi;
  REQUIRE(expected.finite);
  checkpoints::test::TemporaryDirectory dir;
  c.disk_dir = dir.path();
  for (const std::size_t states : {0, 1, 5, 8, 10, 1000})
    for (const std::uint64_t disk : {0, 1 << 20})
      for (const int threads : {1, 3}) {
        CAPTURE(states);
        CAPTURE(disk);
        checkpoints::test::FaultyFileSystem files;
        task = start;
        const GradientEstimate e =
            Windowed(c, threads, budget_of(c, start, 12, states, disk), files).estimate(theta, task, 0);
        CHECK(e.gradient == expected.gradient);
        CHECK(e.objective_first == expected.objective_first);
        CHECK(e.objective_last == expected.objective_last);
        CHECK(task.phi == phi);
        CHECK((files.calls > 0) == (disk > 0 && (states == 5 || states == 8)));
        CHECK(checkpoints::test::names_in(dir.path()).empty());
      }
}

TEST_CASE(
    "a window that does not fit in its share, or whose disk fails at any moment, ends in words; the task is "
    "as it was, and nothing stays on the disk") {
  Config c = small_config();
  c.set("unroll", "12");
  const auto theta = initial_theta(c.rule, 1);
  const InFlight start = begin(c, 2, 12);
  InFlight task = start;
  autodiff::Budget share = budget_of(c, start, 12, 0);
  --share.memory_bytes;
  CHECK_THROWS_WITH_AS(Windowed(c, 1, share).estimate(theta, task, 0),
                       doctest::Contains("the smallest budget that works is"), checkpoints::MemoryBudget);
  CHECK(task.phi == start.phi);

  checkpoints::test::TemporaryDirectory dir;
  c.disk_dir = dir.path();
  share = budget_of(c, start, 12, 5, 1 << 20);
  int failures = 0;
  for (const int error : {ENOSPC, EROFS})
    for (int i = 0;; ++i) {
      checkpoints::test::FaultyFileSystem files(i, error);
      files.for_good = true;
      task = start;
      std::string message;
      const int code = checkpoints::test::exit_code_of(
          [&] { Windowed(c, 1, share, files).estimate(theta, task, 0); }, &message);
      CAPTURE(message);
      CHECK(checkpoints::test::names_in(dir.path()).size() <=
            (i == 1));  // a disk on which nothing can be removed any more
      for (const auto& name : checkpoints::test::names_in(dir.path())) std::filesystem::remove(dir / name);
      if (code == 0) break;
      ++failures;
      CHECK(code == 74);
      CHECK(message.find(dir.path() + ": checkpoints can't be kept there: ") == 0);
      CHECK(task.age == 0);
      CHECK(task.phi == start.phi);
    }
  CHECK(failures >= 10);
  c.disk_dir = dir / "gone";
  task = start;
  CHECK_THROWS_WITH_AS(Windowed(c, 1, share).estimate(theta, task, 0),
                       doctest::Contains("No such file or directory"), checkpoints::IoError);
}

namespace {

/// Stops a window at every chance, and has another estimator, as of the next process, go on with it.
template <class Estimator>
void stop_everywhere(const Config& c, const autodiff::Budget& share) {
  const auto theta = initial_theta(c.rule, 1);
  const InFlight start = begin(c, 2, 12);
  InFlight task = start;
  const GradientEstimate expected = Windowed(c).estimate(theta, task, 5);
  REQUIRE(expected.finite);
  checkpoints::test::TemporaryDirectory dir;
  Estimator first(c, 1, share), second(c, 1, share);
  for (Estimator* estimator : {&first, &second}) estimator->keep_progress_in(dir.path(), {"rows"});
  int stops = 0;
  for (bool ended = false; !ended; ++stops) {
    CAPTURE(stops);
    InFlight moved = start;
    int asked = 0;
    try {
      first.estimate(theta, moved, 5, [&] { return asked++ == stops; });
      ended = true;
      CHECK_FALSE(first.has_progress());
      break;
    } catch (const autodiff::UnrollStopped&) {
    }
    CHECK(first.has_progress());
    CHECK(moved.age == 0);
    CHECK(moved.phi == start.phi);
    const GradientEstimate e = second.estimate(theta, moved, 5);
    CHECK(e.notes == std::vector<std::string>{"resumed inside its window, where it was interrupted"});
    CHECK(e.gradient == expected.gradient);
    CHECK(e.objective_first == expected.objective_first);
    CHECK(e.objective_last == expected.objective_last);
    CHECK(e.adjoint_norm == expected.adjoint_norm);
    CHECK(e.contribution_norm == expected.contribution_norm);
    CHECK(moved.phi == task.phi);
    CHECK(second.has_progress());
    second.forget_progress();
    CHECK_FALSE(second.has_progress());
    CHECK(checkpoints::test::names_in(dir.path()).empty());
  }
  CHECK(stops > 12);
}

}  // namespace

TEST_CASE(
    "a window that was stopped at any moment goes on there, with the same bits: all states kept, few, states "
    "on disk, and tapes") {
  Config c = small_config();
  c.set("unroll", "12");
  checkpoints::test::TemporaryDirectory disk;
  c.disk_dir = disk.path();
  SUBCASE("all states kept") { stop_everywhere<Windowed>(c, {}); }
  SUBCASE("few states kept") { stop_everywhere<Windowed>(c, budget_of(c, begin(c, 2, 12), 12, 5)); }
  SUBCASE("states on disk") { stop_everywhere<Windowed>(c, budget_of(c, begin(c, 2, 12), 12, 5, 1 << 20)); }
  SUBCASE("tapes kept") { stop_everywhere<WithTapes>(c, {}); }
}

namespace {

struct Killed {};

/// A window that dies at the first moment at which it has a journal, and is gone on with by another
/// estimator.
template <class Estimator>
void kill(Config c, const autodiff::Budget& share) {
  c.set("journal-every", "0.001");
  const auto theta = initial_theta(c.rule, 1);
  const InFlight start = begin(c, 2, 60);
  InFlight task = start, moved = start;
  const GradientEstimate expected = Windowed(c).estimate(theta, task, 5);
  checkpoints::test::TemporaryDirectory dir;
  {
    Estimator first(c, 1, share);
    first.keep_progress_in(dir.path(), {});
    const auto die = [&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return first.has_progress() ? throw Killed() : false;
    };
    CHECK_THROWS_AS(first.estimate(theta, moved, 5, die), Killed);
  }
  Estimator second(c, 1, share);
  second.keep_progress_in(dir.path(), {});
  const GradientEstimate e = second.estimate(theta, moved, 5);
  CHECK(e.notes.size() == 1);
  CHECK(e.gradient == expected.gradient);
  CHECK(e.adjoint_norm == expected.adjoint_norm);
  CHECK(moved.phi == task.phi);
}

}  // namespace

TEST_CASE(
    "a window that was killed goes on from its journal with the same bits: all states kept, few, states on "
    "disk, and tapes") {
  Config c = small_config();
  c.set("unroll", "60");
  checkpoints::test::TemporaryDirectory disk;
  c.disk_dir = disk.path();
  SUBCASE("all states kept") { kill<Windowed>(c, {}); }
  SUBCASE("few states kept") { kill<Windowed>(c, budget_of(c, begin(c, 2, 60), 60, 5)); }
  SUBCASE("states on disk") { kill<Windowed>(c, budget_of(c, begin(c, 2, 60), 60, 5, 1 << 20)); }
  SUBCASE("tapes kept") { kill<WithTapes>(c, {}); }
}

TEST_CASE(
    "of an update of many windows one after the other, those that ended are kept once it has taken long: "
    "they are not run again, and give the same bits") {
  Config c = small_config();
  c.set("unroll", "12");
  c.set("journal-every", "0.2");
  const auto theta = initial_theta(c.rule, 1);
  checkpoints::test::TemporaryDirectory dir;
  InFlight late = begin(c, 3, 12), again = late;
  GradientEstimate expected;
  {
    Windowed first(c);
    first.keep_progress_in(dir.path(), {});
    InFlight early = begin(c, 2, 12);
    first.estimate(theta, early, 5);
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    expected = first.estimate(theta, late, 5);
    CHECK(first.has_progress());
  }
  Windowed second(c);
  second.keep_progress_in(dir.path(), {});
  int steps = 0;
  const GradientEstimate e = second.estimate(theta, again, 5, [&] { return ++steps, false; });
  CHECK(steps == 0);
  CHECK(e.notes == std::vector<std::string>{"resumed inside its window, where it was interrupted"});
  CHECK(e.gradient == expected.gradient);
  CHECK(e.objective_last == expected.objective_last);
  CHECK(e.adjoint_norm == expected.adjoint_norm);
  CHECK(again.phi == late.phi);
}

TEST_CASE(
    "a progress of another plan is passed over, which is said, with the same bits; one that can't be kept "
    "when a window is stopped says why") {
  Config c = small_config();
  c.set("unroll", "12");
  const auto theta = initial_theta(c.rule, 1);
  checkpoints::test::TemporaryDirectory dir;
  const InFlight start = begin(c, 2, 12);
  InFlight task = start, again = start;
  const auto stopped = [&](Windowed& windowed) {
    int asked = 0;
    windowed.keep_progress_in(dir.path(), {});
    try {
      windowed.estimate(theta, task, 5, [&] { return ++asked == 8; });
    } catch (const autodiff::UnrollStopped& e) {
      return e.lost;
    }
    return std::string("was not stopped");
  };
  checkpoints::test::FaultyFileSystem full(1, ENOSPC);  // behind looking for a journal
  full.for_good = true;
  Windowed sound(c), failing(c, 1, {}, full), other(c, 1, budget_of(c, start, 12, 5));
  const std::string why = stopped(failing);
  CHECK(why.find(dir / "window-2.journal: ") == 0);
  CHECK(why.find("No space left") != std::string::npos);
  CHECK(checkpoints::test::names_in(dir.path()).empty());
  CHECK(stopped(sound).empty());
  other.keep_progress_in(dir.path(), {});
  const GradientEstimate e = other.estimate(theta, again, 5), expected = Windowed(c).estimate(theta, task, 5);
  CHECK(e.notes == std::vector<std::string>{
                       "its saved window progress was skipped (of another plan): the window started again"});
  CHECK(e.gradient == expected.gradient);
  CHECK(again.phi == task.phi);
}

TEST_CASE("the time that a window waits for its states on disk is told") {
  class Slow final : public checkpoints::test::FaultyFileSystem {
   public:
    ssize_t pread(int f, void* to, std::size_t n, off_t at) override {
      std::this_thread::sleep_for(std::chrono::milliseconds(
          100));  // far longer than the steps that a read is hidden behind, in a slow build too
      return FaultyFileSystem::pread(f, to, n, at);
    }
  } slow;
  Config c = small_config();
  c.set("unroll", "12");
  checkpoints::test::TemporaryDirectory disk;
  c.disk_dir = disk.path();
  const auto theta = initial_theta(c.rule, 1);
  const InFlight start = begin(c, 2, 12);
  InFlight in_memory = start, on_disk = start;
  CHECK(Windowed(c, 1, budget_of(c, start, 12, 5)).estimate(theta, in_memory, 0).waited_seconds == 0);
  CHECK(Windowed(c, 1, budget_of(c, start, 12, 5, 1 << 20), slow).estimate(theta, on_disk, 0).waited_seconds >
        0);
}

namespace {

/// The journal of a window that was stopped in the middle of its way back, with one byte changed by someone
/// who knows what a checksum is.
void falsify(const std::string& path, std::size_t at) {
  auto bytes = checkpoints::test::bytes_of(path);
  bytes.at(24 + at) ^= std::byte{1};
  const std::uint64_t sum = XXH3_64bits(bytes.data(), bytes.size() - sizeof sum);
  std::memcpy(bytes.data() + bytes.size() - sizeof sum, &sum, sizeof sum);
  checkpoints::test::write_bytes(path, bytes);
}

}  // namespace

TEST_CASE(
    "a state or a checksum of before the interruption that is wrong is found, the journal goes, and the "
    "window starts again, with the right bits") {
  Config c = small_config();
  c.set("unroll", "12");
  const auto theta = initial_theta(c.rule, 1);
  const InFlight start = begin(c, 2, 12);
  InFlight task = start;
  const GradientEstimate expected = Windowed(c).estimate(theta, task, 0);
  const autodiff::Budget share = budget_of(c, start, 12, 5);
  const std::size_t state = start.phi.size() * sizeof(float), position = 32;
  const std::size_t checksums =
      position + 3 * state +
      theta.size() * sizeof(float);  // behind the current state, phi_T, adjoint and gradient
  for (const std::size_t at : {position, checksums + 2 * sizeof(std::uint64_t)}) {
    CAPTURE(at);
    checkpoints::test::TemporaryDirectory dir;
    const auto estimate = [&](const Stop& stop) {
      Windowed windowed(c, 1, share);
      windowed.keep_progress_in(dir.path(), {});
      task = start;
      return windowed.estimate(theta, task, 0, stop);
    };
    int asked = 0;
    CHECK_THROWS_AS(estimate([&] { return ++asked == 16; }), autodiff::UnrollStopped);
    falsify(dir / "window-2.journal", at);
    CHECK_THROWS_AS(estimate({}), autodiff::RecomputationMismatch);
    CHECK(task.phi == start.phi);
    CHECK(checkpoints::test::names_in(dir.path()).empty());
    const GradientEstimate again = estimate({});
    CHECK(again.gradient == expected.gradient);
    CHECK(again.notes.empty());
  }
}

TEST_CASE("a progress that can't be kept is told once, and the windows go on without, with the same bits") {
  Config c = small_config();
  c.set("unroll", "12");
  c.set("journal-every", "0.001");
  const auto theta = initial_theta(c.rule, 1);
  const InFlight start = begin(c, 2, 12);
  InFlight task = start;
  const GradientEstimate expected = Windowed(c).estimate(theta, task, 0);
  checkpoints::test::TemporaryDirectory dir;
  checkpoints::test::FaultyFileSystem files(1, ENOSPC);  // behind looking for a journal
  files.for_good = true;
  Windowed windowed(c, 1, {}, files);
  windowed.keep_progress_in(dir.path(), {});
  int told = 0;
  for (int update = 0; update < 5; ++update) {
    task = start;
    const GradientEstimate e = windowed.estimate(
        theta, task, 0, [] { return std::this_thread::sleep_for(std::chrono::milliseconds(1)), false; });
    CHECK(e.gradient == expected.gradient);
    told += !e.notes.empty();
    for (const auto& note : e.notes) {
      CHECK(note.find("cannot save window progress, training continues without it") != std::string::npos);
      CHECK(note.find("window-2.journal: ") != std::string::npos);
    }
    files.calls = 0;
  }
  CHECK(told == 1);
  CHECK(checkpoints::test::names_in(dir.path()).empty());
}

TEST_CASE("an estimate has the norms of every step: of a window of one step, that of its gradient") {
  Config c = small_config();
  const auto theta = initial_theta(c.rule, 1);
  for (const std::int64_t k : {1, 4}) {
    c.set("unroll", std::to_string(k));
    InFlight task = begin(c, 2, k);
    const GradientEstimate e = Windowed(c).estimate(theta, task, 0);
    REQUIRE(e.adjoint_norm.size() == static_cast<std::size_t>(k));
    REQUIRE(e.contribution_norm.size() == static_cast<std::size_t>(k));
    if (k == 1) CHECK(e.contribution_norm[0] == doctest::Approx(norm(e.gradient)));
    for (std::size_t i = 0; i < e.adjoint_norm.size(); ++i) {
      CHECK(e.adjoint_norm[i] > 0);
      CHECK(e.contribution_norm[i] > 0);
    }
  }
}

TEST_CASE("the estimate does not depend on windows that were estimated before") {
  const Config c = small_config();
  const auto theta = initial_theta(c.rule, 1);
  Windowed fresh(c), used(c);
  for (std::uint64_t id = 10; id < 14; ++id) {
    InFlight other = begin(c, id, 20);
    used.estimate(theta, other, 0);
  }
  InFlight a = begin(c, 1, 20), b = begin(c, 1, 20);
  CHECK(fresh.estimate(theta, a, 5).gradient == used.estimate(theta, b, 9).gradient);
}

TEST_CASE("a phi that is not finite is reported with step and tensor, and the task is left as it was") {
  Config c = small_config();
  c.window_min = c.window_max = 3;
  Windowed windowed(c);
  const auto theta = initial_theta(c.rule, 1);
  InFlight task = begin(c, 1, 20);
  task.age = 4;
  task.phi[0] = std::nanf("");
  const GradientEstimate e = windowed.estimate(theta, task, 0);
  CHECK_FALSE(e.finite);
  CHECK(e.failed_op.find("recorded at") != std::string::npos);
  CHECK(e.failed_step == 4);
  CHECK(e.failure.find("phi, ") == 0);
  CHECK(task.age == 4);
  CHECK_FALSE(windowed.advance(theta, task, 2));
  CHECK(task.age == 4);
}
