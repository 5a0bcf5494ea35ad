#include "autodiff/unroll/schedules/schedules.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <limits>
#include <random>
#include <stdexcept>

#include "autodiff/unroll/simulate.hpp"

using namespace autodiff;

namespace {

std::int64_t evaluations(const Schedule& s) {
  const Simulation r = simulate(s);
  CHECK(r.evaluations == static_cast<double>(r.advances + r.records + r.turns));
  return r.advances + r.records + r.turns;
}

// The least evaluations of any sequence of actions that keeps within k slots: a search over all situations,
// which knows nothing of parts or recursions.
class BruteForce {
 public:
  BruteForce(int T, int k, int rho)
      : T_(T), k_(k), rho_(rho), least_(static_cast<std::size_t>((T + 2) * (T + 1)) << (2 * T), kUnseen) {}

  int run() {
    reach({0, 0, 0, T_}, 0, false);
    while (!queue_.empty()) {
      const auto [x, cost] = queue_.front();
      queue_.pop_front();
      if (cost > least_[index(x)]) continue;
      if (x.next == 0) return cost;
      expand(x, cost);
    }
    return -1;
  }

 private:
  static constexpr std::uint8_t kUnseen = 255;
  struct Situation {
    int current;             // T+1: none
    unsigned states, tapes;  // kept, as sets
    int next;                // steps before it are still to be reversed
  };
  std::size_t index(const Situation& x) const {
    return (static_cast<std::size_t>(x.current * (T_ + 1) + x.next) << (2 * T_)) |
           (static_cast<std::size_t>(x.states) << T_) | x.tapes;
  }
  bool fits(const Situation& x) const {
    return __builtin_popcount(x.states) + rho_ * __builtin_popcount(x.tapes) <= k_;
  }
  void reach(const Situation& x, int cost, bool costly) {
    if (!fits(x) || least_[index(x)] <= cost) return;
    least_[index(x)] = static_cast<std::uint8_t>(cost);
    if (costly)
      queue_.push_back({x, cost});
    else
      queue_.push_front({x, cost});
  }
  void expand(const Situation& x, int cost) {
    const int t = x.current;
    for (int i = 0; i < x.next; ++i) {
      const unsigned bit = 1u << i;
      if (x.states & bit) {
        reach({i, x.states, x.tapes, x.next}, cost, false);         // load
        reach({t, x.states & ~bit, x.tapes, x.next}, cost, false);  // drop
      }
    }
    if (x.tapes & (1u << (x.next - 1)))
      reach({t, x.states, x.tapes & ~(1u << (x.next - 1)), x.next - 1}, cost, false);  // reverse
    if (t >= x.next) return;
    reach({t, x.states | (1u << t), x.tapes, x.next}, cost, false);              // store
    if (t == x.next - 1) reach({T_ + 1, x.states, x.tapes, t}, cost + 1, true);  // turn
    reach({t + 1, x.states, x.tapes, x.next}, cost + 1, true);                   // advance
    if (!(x.tapes & (1u << t)))
      reach({t + 1, x.states, x.tapes | (1u << t), x.next}, cost + 1, true);  // record
  }

  int T_, k_, rho_;
  std::vector<std::uint8_t> least_;
  std::deque<std::pair<Situation, int>> queue_;
};

// The recursion as schedules.hpp states it.
std::vector<std::vector<std::int64_t>> recursion(Step T, Slot K, Slot rho) {
  constexpr std::int64_t never = std::int64_t{1} << 40;
  std::vector V(static_cast<std::size_t>(K + 1),
                std::vector<std::int64_t>(static_cast<std::size_t>(T + 1), never));
  const auto at = [&](Step n, Slot k) -> std::int64_t& {
    return V[static_cast<std::size_t>(k)][static_cast<std::size_t>(n)];
  };
  for (Slot k = 0; k <= K; ++k) {
    at(1, k) = 1;
    for (Step n = 2; k > 0 && n <= T; ++n) {
      if (k >= rho) at(n, k) = 1 + at(n - 1, k - rho);
      for (Step i = 1; i < n; ++i) at(n, k) = std::min(at(n, k), i + at(n - i, k - 1) + at(i, k));
    }
  }
  return V;
}

}  // namespace

TEST_CASE(
    "forward evaluations of 300 steps are the published ones of Revolve, and those of the exact recursion "
    "over states and tapes") {
  constexpr std::array<Slot, 5> slots{10, 40, 80, 160, 320};
  constexpr std::array<std::int64_t, 5> revolve_counts{1136, 858, 818, 738, 599};
  struct Column {
    Slot rho;
    std::array<std::int64_t, 5> counts;
  };
  constexpr std::array<Column, 4> columns{{{1, {904, 566, 522, 440, 300}},
                                           {4, {1102, 668, 583, 561, 520}},
                                           {16, {1136, 824, 653, 591, 580}},
                                           {64, {1136, 858, 801, 608, 595}}}};
  for (std::size_t i = 0; i < slots.size(); ++i) {
    CAPTURE(slots[i]);
    CHECK(evaluations(revolve(300, slots[i])) == revolve_counts[i]);
    CHECK(revolve_evaluations(300, slots[i]) == revolve_counts[i]);
    for (const Column& c : columns) {
      CAPTURE(c.rho);
      CHECK(evaluations(byte_aware(300, slots[i], c.rho)) == c.counts[i]);
    }
  }
}

TEST_CASE(
    "no sequence of actions does it with fewer evaluations: every T up to 9, k up to 6, tapes of 1 to 5 "
    "states") {
  for (int T = 1; T <= 9; ++T)
    for (int k = T == 1 ? 0 : 1; k <= 6; ++k)
      for (int rho = 1; rho <= 5; ++rho) {
        CAPTURE(T);
        CAPTURE(k);
        CAPTURE(rho);
        CHECK(evaluations(byte_aware(T, k, rho)) == BruteForce(T, k, rho).run());
      }
  for (int T = 1; T <= 9; ++T)
    for (int k = 1; k <= 6; ++k) CHECK(evaluations(revolve(T, k)) == BruteForce(T, k, k + 1).run());
}

TEST_CASE("the recursion is met everywhere, though only whole parts are kept as tapes") {
  for (Slot rho : {1, 2, 3, 7, 20}) {
    const auto V = recursion(60, 45, rho);
    for (Step T : {2, 3, 5, 17, 31, 60})
      for (Slot k = 1; k <= 45; ++k) {
        CAPTURE(T);
        CAPTURE(k);
        CAPTURE(rho);
        CHECK(evaluations(byte_aware(T, k, rho)) ==
              V[static_cast<std::size_t>(k)][static_cast<std::size_t>(T)]);
        CHECK(evaluations(revolve(T, k)) >= V[static_cast<std::size_t>(k)][static_cast<std::size_t>(T)]);
      }
  }
}

TEST_CASE("where not every split is tried, V is within a few in a thousand of the recursion") {
  for (Slot rho : {1, 4, 16}) {
    const auto V = recursion(700, 120, rho);
    for (Slot k : {5, 20, 47, 80, 120}) {
      const auto exact = V[static_cast<std::size_t>(k)][700], found = evaluations(byte_aware(700, k, rho));
      CAPTURE(rho);
      CAPTURE(k);
      CHECK(found >= exact);
      CHECK(static_cast<double>(found) <= 1.003 * static_cast<double>(exact));
    }
  }
}

TEST_CASE("the ends of the range: every tape, every state, one slot, one step") {
  CHECK(evaluations(store_all(300, 16)) == 300);
  CHECK(simulate(store_all(300, 16), {10, 160}).tapes == 299);
  CHECK(evaluations(store_states(300)) == 599);
  CHECK(simulate(store_states(300)).ram_checkpoints == 299);
  CHECK(evaluations(revolve(300, 1)) == 300 * 301 / 2);
  CHECK(store_states(300).actions == revolve(300, 299).actions);
  CHECK(store_states(300).actions == revolve(300, 5000).actions);
  CHECK(evaluations(byte_aware(300, 299 * 16, 16)) == 300);
  for (const Schedule& s : {store_all(1, 4), store_states(1), revolve(1, 0), revolve(1, 3),
                            byte_aware(1, 5, 2), two_level(1, 0, 0)}) {
    CHECK(s.actions == std::vector<Action>{{Action::Kind::turn, 0}});
    CHECK(s.slots == 0);
  }
  CHECK(evaluations(revolve(200'000, 300)) == revolve_evaluations(200'000, 300));
}

TEST_CASE("a two-level schedule keeps what is read least on disk, and asks for every state ahead") {
  const Schedule s = two_level(1000, 10, 990);
  const Simulation r = simulate(s, {100, 0}, {}, {0.5, 0.5});
  CHECK(evaluations(s) == 1999);
  CHECK(r.disk_checkpoints == 989);
  CHECK(r.ram_checkpoints == 10);
  CHECK(r.disk_writes == 989);
  CHECK(r.disk_reads == 989);
  CHECK(r.peak_bytes == 1000);
  CHECK(r.waiting_seconds == 0);
  CHECK(std::count_if(s.actions.begin(), s.actions.end(),
                      [](const Action& a) { return a.kind == Action::Kind::prefetch; }) == r.disk_reads);
  // A disk twice as slow as a step is waited for.
  CHECK(simulate(s, {100, 0}, {}, {2, 2}).waiting_seconds > 900);
  // The same evaluations as with all of it in RAM; little of it goes to the disk.
  const Simulation deep = simulate(two_level(10'000, 20, 20));
  CHECK(deep.evaluations == static_cast<double>(revolve_evaluations(10'000, 40)));
  CHECK(deep.disk_writes + deep.disk_reads < deep.stores + deep.loads - deep.disk_writes - deep.disk_reads);
  CHECK(two_level(50, 60, 10).disk_slots == 0);
}

TEST_CASE("windows are reversed one after the other, the last may be shorter") {
  const Schedule s = windowed(103, 10, [](Step n) { return revolve(n, 3); });
  CHECK(s.window == 10);
  CHECK(s.slots == 4);
  CHECK(evaluations(s) == 10 * revolve_evaluations(10, 3) + revolve_evaluations(3, 3));
  CHECK(windowed(50, 50, store_states).actions == store_states(50).actions);
  CHECK(evaluations(windowed(50, 1, store_states)) == 50);
  CHECK(evaluations(windowed(50, 7, [](Step n) { return store_all(n, 2); })) == 50);
  for (Step window : {0, -1, 51})
    CHECK_THROWS_WITH_AS(windowed(50, window, store_states), doctest::Contains("a window has 1 to 50 steps"),
                         std::invalid_argument);
  CHECK_THROWS_WITH_AS(windowed(50, 10, [](Step n) { return two_level(n, 1, 5); }),
                       doctest::Contains("must not use disk slots"), std::invalid_argument);
}

TEST_CASE(
    "10,000 random unrolls, budgets and costs: legal, complete, within the budget, and never dearer with "
    "more") {
  std::mt19937_64 random(20);
  const auto up_to = [&](double most) {
    return static_cast<std::int64_t>(
        std::exp(std::uniform_real_distribution<>(0, std::log(most + 1))(random)));
  };
  for (int i = 0; i < 10'000; ++i) {
    const Step T = i % 100 == 0 ? up_to(3000) : up_to(100);
    const Slot k = up_to(150), more = up_to(50), disk = up_to(200) - 1, rho = up_to(40);
    const StepSizes sizes{static_cast<std::size_t>(up_to(1000)), 0};
    const auto unused =
        static_cast<std::size_t>(up_to(static_cast<double>(sizes.state_bytes)) - 1);  // of a tape's last slot
    const StepSizes with_tapes{sizes.state_bytes, sizes.state_bytes * static_cast<std::size_t>(rho) - unused};
    StepCosts costs;
    std::uniform_real_distribution<> any(0.1, 10);
    costs.advance.seconds = costs.record.seconds = any(random);
    costs.reverse = {any(random), any(random)};
    costs.turn = {costs.record.seconds + costs.reverse.seconds,
                  costs.record.evaluations + costs.reverse.evaluations};
    const DiskCosts fast{costs.advance.seconds * 0.5, costs.advance.seconds * 0.5};
    CAPTURE(T);
    CAPTURE(k);
    CAPTURE(more);
    CAPTURE(rho);
    CAPTURE(disk);
    const double tolerance = 1e-9 * static_cast<double>(T) * static_cast<double>(T) * costs.turn.seconds;
    const auto compare = [&](const Simulation& less, const Simulation& now) {
      CHECK(now.evaluations <= less.evaluations + tolerance);
      CHECK(now.seconds - now.waiting_seconds <= less.seconds - less.waiting_seconds + tolerance);
    };
    const auto within = [&](const Schedule& s, const StepSizes& z, Slot room) {
      const Simulation r = simulate(s, z, costs, fast);
      CHECK(r.peak_bytes <= static_cast<std::size_t>(room) * z.state_bytes);
      CHECK(r.advances + r.records + r.turns >= T);
      return r;
    };
    compare(within(revolve(T, k), sizes, k), within(revolve(T, k + more), sizes, k + more));
    compare(within(byte_aware(T, k, rho), with_tapes, k),
            within(byte_aware(T, k + more, rho), with_tapes, k + more));
    const Simulation r = within(two_level(T, k, disk), sizes, k);
    CHECK(r.disk_bytes <= static_cast<std::size_t>(disk) * sizes.state_bytes);
    compare(r, within(two_level(T, k, disk + more), sizes, k));
    compare(r, within(two_level(T, k + more, disk), sizes, k + more));
    const Step window = 1 + up_to(static_cast<double>(T)) % T;
    within(windowed(T, window, [&](Step n) { return byte_aware(n, k, rho); }), with_tapes, k + 1);
  }
}

TEST_CASE("more memory never costs more, through all sizes of a long unroll") {
  for (Slot rho : {3, 40}) {
    std::int64_t before = std::numeric_limits<std::int64_t>::max();
    for (Slot k = 1; k < 1500 * rho; k += 1 + k / 2) {
      const auto now = evaluations(byte_aware(1000, k, rho));
      CAPTURE(k);
      CAPTURE(rho);
      CHECK(now <= before);
      before = now;
    }
    CHECK(before == 1000);
  }
}

TEST_CASE("impossible schedules are refused by name") {
  CHECK_THROWS_WITH_AS(revolve(0, 3), "[schedule revolve] an unroll needs at least one step: found 0",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(revolve(2, 0), "[schedule revolve] 2 steps need at least one slot",
                       std::invalid_argument);
  CHECK_THROWS_AS(store_all(-1, 1), std::invalid_argument);
  CHECK_THROWS_AS(byte_aware(3, 3, 0), std::invalid_argument);
  CHECK_THROWS_AS(two_level(2, 0, 0), std::invalid_argument);
}
