#include "metalearn/windows/pes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "forward_task.hpp"
#include "metalearn/snapshots/run_snapshot.hpp"
#include "metalearn/snapshots/run_state.hpp"
#include "metalearn/snapshots/state_diff.hpp"
#include "metalearn/train/run_audit.hpp"
#include "metalearn/windows/antithetic_es.hpp"
#include "metalearn/windows/antithetic_pairs.hpp"
#include "metalearn/windows/windowed.hpp"

using namespace outer_test;

namespace {

/// The gradient of the mean objective of the whole task, as the windows give it: weighted by their steps.
template <class Estimator>
std::vector<double> of_whole_task(const Config& c, const std::vector<float>& theta, InFlight task) {
  Estimator estimator(c);
  std::vector<double> sum(theta.size(), 0.0);
  while (task.age < task.length) {
    const GradientEstimate e = estimator.estimate(theta, task, task.age);
    REQUIRE(e.finite);
    for (std::size_t i = 0; i < sum.size(); ++i)
      sum[i] += static_cast<double>(e.steps) / static_cast<double>(task.length) * e.gradient[i];
  }
  return sum;
}

double product(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace

TEST_CASE(
    "over a task of eight windows PES estimates, on average over many seeds, the gradient of the whole "
    "unroll, of which short windows keep a tenth in another direction") {
  Config c = synaptic_config();
  c.rule.inner_rate = 3e-3;  // small, so that what a step does to phi lasts
  const auto theta = initial_theta(c.rule, 3);
  const InFlight task = begin(c, 3, 8);
  c.window_min = c.window_max = 8;
  const auto exact = of_whole_task<Windowed>(c, theta, task);
  c.window_min = c.window_max = 1;
  c.es_pairs = 150;
  c.es_sigma = 1e-3;
  const double square = product(exact, exact);
  const auto along = [&](const std::vector<double>& g) {
    return product(g, exact) / square;
  };  // 1: as long in the exact direction as the exact gradient

  struct Average {
    std::vector<double> mean;
    double along = 0, error = 0;  ///< of the mean, and its standard error
  };
  const auto average = [&]<class Estimator>(std::type_identity<Estimator>) {
    constexpr int kSeeds = 24;
    Average a{std::vector<double>(theta.size(), 0.0)};
    std::vector<double> each;
    for (int seed = 0; seed < kSeeds; ++seed) {
      c.seed = 1000 + static_cast<std::uint64_t>(seed);  // the task is drawn already
      const auto g = of_whole_task<Estimator>(c, theta, task);
      for (std::size_t i = 0; i < g.size(); ++i) a.mean[i] += g[i] / kSeeds;
      each.push_back(along(g));
      a.along += each.back() / kSeeds;
    }
    for (const double x : each) a.error += (x - a.along) * (x - a.along) / (kSeeds * (kSeeds - 1));
    a.error = std::sqrt(a.error);
    return a;
  };
  const auto windowed = of_whole_task<Windowed>(c, theta, task);
  const Average pes = average(std::type_identity<PES>()), es = average(std::type_identity<AntitheticES>());
  INFO("cosines with the exact gradient: windowed ", metalearn::cosine(windowed, exact), ", es ",
       metalearn::cosine(es.mean, exact), ", pes ", metalearn::cosine(pes.mean, exact),
       "; along it: windowed ", along(windowed), ", es ", es.along, " +- ", es.error, ", pes ", pes.along,
       " +- ", pes.error);
  CHECK(metalearn::cosine(windowed, exact) < 0.7);
  CHECK(along(windowed) < 0.2);
  CHECK(es.along < 0.2);  // perturbations that are forgotten are as short-sighted
  CHECK(pes.error < 0.05);
  CHECK(std::abs(pes.along - 1) < 4 * pes.error);
  CHECK(metalearn::cosine(pes.mean, exact) > 0.97);
}

TEST_CASE(
    "in its first window PES is antithetic ES, bit for bit; later its particles go on from their own phi, "
    "and xi adds up") {
  Config c = synaptic_config();
  c.window_min = c.window_max = 3;
  const auto theta = initial_theta(c.rule, 1);
  const InFlight start = begin(c, 2, 9);
  InFlight task = start, carried = start;
  PES pes(c);
  AntitheticES es(c);
  CHECK(pes.estimate(theta, task, 0).gradient == es.estimate(theta, carried, 0).gradient);
  CHECK(task.age == 3);
  CHECK(task.phi == start.phi);  // where they branched off
  REQUIRE(task.particles.phi.size() == 2 * 4 * start.phi.size());
  const AntitheticPairs first(c, theta, start), second(c, theta, task);
  CHECK(task.particles.xi == std::vector<float>(first.eps().begin(), first.eps().end()));

  // Each particle by itself.
  ForwardSteps steps(c);
  const InFlight before = task;
  const GradientEstimate e = pes.estimate(theta, task, 1);
  std::vector<Particle> particles;
  double last = 0;
  for (std::size_t p = 0; p < 2 * first.count(); ++p) {
    InFlight alone = start;
    REQUIRE(steps.advance(first.theta(p), alone, 3));
    CHECK(std::equal(alone.phi.begin(), alone.phi.end(),
                     before.particles.phi.begin() + static_cast<std::ptrdiff_t>(p * alone.phi.size())));
    REQUIRE(steps.advance(second.theta(p), alone, 3));
    CHECK(std::equal(alone.phi.begin(), alone.phi.end(),
                     task.particles.phi.begin() + static_cast<std::ptrdiff_t>(p * alone.phi.size())));
    const auto phi = std::span(before.particles.phi).subspan(p * alone.phi.size(), alone.phi.size());
    Particle one{second.theta(p), {phi.begin(), phi.end()}};
    steps.run(start.task, 3, 3, std::span(&one, 1), {});
    last += one.objective_last / 8;
    particles.push_back(one);
  }
  for (std::size_t i = 0; i < task.particles.xi.size(); ++i)
    CHECK(task.particles.xi[i] == second.eps()[i] + first.eps()[i]);
  CHECK(e.gradient == second.gradient(particles, task.particles.xi));
  CHECK(e.objective_last == doctest::Approx(last));
}

TEST_CASE(
    "PES: windows run by two threads at once, or with two threads inside, have the bits of one thread") {
  const Config c = synaptic_config();
  CHECK(bits_of_windows<PES>(c, 1, 1) == bits_of_windows<PES>(c, 2, 1));
  CHECK(bits_of_windows<PES>(c, 1, 1) == bits_of_windows<PES>(c, 1, 2));
}

TEST_CASE("PES: a window is stopped between any two steps, and the task is as it was") {
  stop_everywhere<PES>(synaptic_config());
}

TEST_CASE(
    "PES: a window that does not stay finite says at which step, and what, and where it began; the task is "
    "as it was") {
  fail_everywhere<PES>(synaptic_config());
}

TEST_CASE("PES: a task with particles can't be advanced as if it had none") {
  const Config c = synaptic_config();
  const auto theta = initial_theta(c.rule, 1);
  PES pes(c);
  InFlight task = begin(c, 2, 9);
  CHECK(pes.advance(theta, task, 2));
  CHECK(task.age == 2);
  pes.estimate(theta, task, 0);
  CHECK_THROWS_AS(pes.advance(theta, task, 1), std::invalid_argument);
}

namespace {

TrainerParts pes_parts(const Config& config) {
  TrainerParts p;
  p.families = {"rows"};
  p.estimator = std::make_unique<PES>(config);
  p.make_task = small_tasks(config);
  return p;
}

Config pes_config() {
  Config c = synaptic_config();
  c.estimator = "pes";
  c.es_pairs = 2;
  return c;
}

std::int64_t finish(Trainer& trainer) {
  std::int64_t replaced = 0;
  trainer.run([&](const Progress& p) {
    CHECK(p.dropped == 0);
    replaced += p.replaced;
    return true;
  });
  return replaced;
}

RunSnapshot newest(const std::string& run) { return newest_run_snapshot(run); }

}  // namespace

TEST_CASE(
    "PES: 20 updates, a resume on two threads and 20 more give the bits of 40 in one go: theta, particles, "
    "xi") {
  Folder folder;
  Config c = pes_config();
  const auto whole = start_with(c, folder / "whole", pes_parts);
  CHECK(finish(*whole) > 3);  // some tasks, with their particles, were replaced
  CHECK(whole->theta() != initial_theta(c.rule, c.seed));
  c.updates = 20;
  finish(*start_with(c, folder / "parts", pes_parts));
  const RunSnapshot between = newest(folder / "parts");
  std::size_t with_particles = 0;
  for (const auto& task : in_flight_from(between.archive, c)) {
    with_particles += task.particles != nullptr;
    if (task.particles) CHECK(*task.particles != std::vector<float>(task.particles->size(), 0.0f));
  }
  CHECK(with_particles > 2);
  finish(*resume_with(folder / "parts", {{"updates", "40"}, {"threads", "2"}}, pes_parts));
  const StateDiff diff = diff_states(newest(folder / "whole"), newest(folder / "parts"));
  for (const auto& d : diff.differences) MESSAGE(to_text(d));
  CHECK(diff.same());
  CHECK(audit_run(folder / "parts").whole());
}

TEST_CASE(
    "a snapshot's particles are of the right number and size, both or neither, of estimator pes alone, and "
    "every bit of them matters") {
  Folder folder;
  Config c = pes_config();
  c.updates = 2;
  finish(*start_with(c, folder / "run", pes_parts));
  const RunSnapshot good = newest(folder / "run");
  const std::string slot = "in_flight/0000/";
  REQUIRE(good.archive.find(slot + "particles"));
  const auto particles = good.archive.array(slot + "particles"), xi = good.archive.array(slot + "xi");
  CHECK(particles.shape ==
        std::vector<std::int64_t>{
            4, static_cast<std::int64_t>(good.archive.numbers<float>(slot + "phi").size())});
  CHECK(xi.shape == std::vector<std::int64_t>{2, theta_spec(c.rule).size});

  const auto refusal = [&](auto change) {
    checkpoints::Archive archive = good.archive;
    change(archive);
    checkpoints::save_snapshot(folder / "changed.h5", archive);
    return audit_snapshot(folder / "changed.h5").what;
  };
  CHECK(refusal([](auto&) {}).starts_with("generation 2"));
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(has(refusal([&](auto& a) {
              a.put(slot + "xi", {2, xi.shape[1] - 1},
                    std::vector<float>(static_cast<std::size_t>(2 * (xi.shape[1] - 1))));
            }),
            slot + "xi"));
  CHECK(has(refusal([&](auto& a) {
              a.put(slot + "particles", {2, particles.shape[1]},
                    std::vector<float>(static_cast<std::size_t>(2 * particles.shape[1])));
            }),
            slot + "particles"));
  CHECK(has(refusal([&](auto& a) {
              a.put(slot + "xi", xi.shape, std::vector<double>(static_cast<std::size_t>(2 * xi.shape[1])));
            }),
            slot + "xi holds float64"));
  CHECK(has(refusal([](auto& a) { a.put("in_flight/0007/xi", {1}, std::vector<float>{1}); }),
            "unknown array /in_flight/0007/xi"));
  CHECK(has(refusal([](auto& a) { a.set("config", "estimator", std::string("es")); }),
            "unknown array /in_flight/0000/particles"));
  CHECK(has(refusal([](auto& a) { a.set("config", "es-pairs", std::string("3")); }), slot + "particles"));
  // One without the other: of a task that was not visited yet.
  std::string fresh;
  for (int i = 0; i < 7 && fresh.empty(); ++i)
    if (const std::string name = "in_flight/000" + std::to_string(i) + "/"; !good.archive.find(name + "xi"))
      fresh = name;
  REQUIRE(!fresh.empty());
  CHECK(has(refusal([&](auto& a) {
              a.put(fresh + "xi", xi.shape, std::vector<float>(static_cast<std::size_t>(2 * xi.shape[1])));
            }),
            fresh + "particles"));
  auto numbers = good.archive.numbers<float>(slot + "xi");
  numbers[1] = std::nanf("");
  checkpoints::Archive nan = good.archive;
  CHECK_THROWS((nan.put(slot + "xi", xi.shape, numbers), checkpoints::save_snapshot(folder / "nan.h5", nan)));

  RunSnapshot other = good;
  numbers[1] = std::nextafter(good.archive.numbers<float>(slot + "xi")[1], 1.0f);
  other.archive.put(slot + "xi", xi.shape, numbers);
  const StateDiff diff = diff_states(good, other);
  REQUIRE(diff.differences.size() == 1);
  CHECK(diff.differences[0].where == slot + "xi");
  CHECK(diff.differences[0].index == std::vector<std::int64_t>{0, 1});
}
