#include <algorithm>
#include <limits>
#include <stdexcept>

#include "autodiff/unroll/schedules/parts.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"

namespace autodiff {

namespace {

constexpr Step kExactSteps = 512;                  // up to this many steps every i is tried
constexpr Step kTableSteps = 65535;                // V(T,1) = T (T+1) / 2 still fits the table's numbers
constexpr std::int64_t kTableCells = 8'000'000;    // 32 MB
constexpr std::int64_t kTableTries = 100'000'000;  // values of i, if every one is tried: about 0.1 s

// In an optimal schedule the steps of a part are either all kept as tapes, or the first action of the part
// stores its state (checked against the full recursion in tests). That leaves V(n,k) = n where n <= 1 +
// k/rho, and min_i otherwise.
Step tapes_that_fit(Slot k, Slot rho) { return 1 + k / rho; }

class Table {
 public:
  Table(Step T, Slot k, Slot rho)
      : T_(T),
        rho_(rho),
        V_(static_cast<std::size_t>((T + 1) * (k + 1)), kNever),
        best_i_(static_cast<std::size_t>(T + 1)) {
    for (Slot j = 0; j <= k; ++j) fill_row(j);
  }
  std::int64_t operator()(Step n, Slot k) const { return V_[index(n, k)]; }

  Step choose(Step n, Slot k) const {
    if (n <= tapes_that_fit(k, rho_)) return 0;
    if (k < rho_) return revolve_advance(n, k);
    Step i = 1;
    while (cost(i, n, k) != V_[index(n, k)]) ++i;
    return i;
  }

 private:
  using Value = std::uint32_t;
  static constexpr Value kNever = std::numeric_limits<Value>::max();

  std::size_t index(Step n, Slot k) const { return static_cast<std::size_t>(k * (T_ + 1) + n); }
  std::int64_t cost(Step i, Step n, Slot k) const {
    return std::int64_t{i} + V_[index(n - i, k - 1)] + V_[index(i, k)];
  }

  void fill_row(Slot k) {
    const Step leaf = std::min(T_, tapes_that_fit(k, rho_));
    for (Step n = 1; n <= leaf; ++n) V_[index(n, k)] = static_cast<Value>(n);
    if (k == 0) return;
    Step near = 1;
    const Step leaf_right = tapes_that_fit(k - 1, rho_);
    for (Step n = leaf + 1; n <= T_; ++n) {
      Step& best_i = best_i_[static_cast<std::size_t>(n)];
      if (k < rho_) {  // no room for a tape
        V_[index(n, k)] = static_cast<Value>(revolve_evaluations(n, k));
        if (k == rho_ - 1) best_i = revolve_advance(n, k);
        continue;
      }
      std::int64_t best = std::numeric_limits<std::int64_t>::max();
      const auto attempt = [&](Step i) {
        if (i < 1 || i >= n) return;
        if (const std::int64_t c = cost(i, n, k); c < best) best = c, near = i;
      };
      if (T_ <= kExactSteps) {
        for (Step i = 1; i < n; ++i) attempt(i);
      } else {
        // V is convex in n except for bumps where tapes fill their slots exactly: the best i grows with n by
        // 0 or 1, or jumps to where a part is filled with tapes. The best i for one slot less is also tried,
        // so that V never rises with k.
        const Step before = near;
        attempt(best_i);
        for (Step i = before - 2; i <= before + 3; ++i) attempt(i);
        for (const Step i : {Step{1}, leaf, n - leaf_right}) attempt(i);
      }
      V_[index(n, k)] = static_cast<Value>(best);
      best_i = near;
    }
  }

  Step T_;
  Slot rho_;
  std::vector<Value> V_;      // row k, column n
  std::vector<Step> best_i_;  // by n, of the last filled row
};

// The unit, in slots, with which k slots fit in a table of at most `rows` rows.
struct Coarse {
  Slot unit, k;
};

}  // namespace

Schedule byte_aware(Step T, Slot slots, Slot tape_slots) {
  expect_room("byte_aware", T, slots);
  if (tape_slots < 1) throw std::invalid_argument("[schedule byte_aware] a tape needs at least one slot");
  const Slot rho = tape_slots, k = std::min(slots, rho * (T - 1));  // with this many every tape is kept
  Schedule best = revolve(T, slots);
  std::int64_t least = T == 1 ? 1 : revolve_evaluations(T, slots);
  best.name = "byte_aware";
  if (T == 1 || k < rho) return best;
  const auto consider = [&](std::int64_t evaluations, Slot used, Slot unit, const Choose& choose) {
    if (evaluations >= least) return;
    least = evaluations;
    best = {"byte_aware", T, T, used, 0, rho, {}};
    append_parts(best, used / unit, unit, choose);
  };

  // Keeps states until the rest fits as tapes: V = 2T - 1 minus the tapes kept.
  const auto states_then_tapes = [&](Step n, Slot room) {
    return n <= tapes_that_fit(room, rho) ? Step{0} : Step{1};
  };
  Step states = 0;
  while (states < std::min(T - 1, k) && T - states > tapes_that_fit(k - states, rho)) ++states;
  if (T - states <= tapes_that_fit(k - states, rho)) consider(T + states, k, 1, states_then_tapes);

  if (T > kTableSteps) return best;
  const Slot rows = std::max<Slot>(
      1, std::min(kTableCells / (T + 1), T <= kExactSteps ? 2 * kTableTries / (T * T) : kTableCells));
  // More slots than rows: count in units of a power of two of slots. Tries the largest unit that uses all
  // rows, and the next, so that V never rises with k.
  Slot unit = 1;
  while (2 * unit * rows <= k) unit *= 2;
  for (const Coarse c : {Coarse{unit, std::min(rows, k / unit)}, Coarse{2 * unit, k / (2 * unit)}}) {
    if (c.unit > 1 && k <= rows) break;
    if (c.k < 1) break;
    const Table V(T, c.k, (rho + c.unit - 1) / c.unit);
    consider(V(T, c.k), c.k * c.unit, c.unit, [&](Step n, Slot room) { return V.choose(n, room); });
  }
  return best;
}

}  // namespace autodiff
