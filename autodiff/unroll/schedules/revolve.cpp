#include <algorithm>

#include "autodiff/unroll/schedules/parts.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"

namespace autodiff {

namespace {

// N_r(k) = binomial(k+r-1, r-1): the most steps that can be reversed with k slots and at most r evaluations
// of each. Counts r up to the first N_r >= n.
struct Repetitions {
  Repetitions(Step n, Slot k) {
    while (N < n) {
      before += N;
      N_before = N;
      ++r;
      N = multiply(N, k + r - 1, r - 1);
    }
  }
  // x a / b, which is an integer; saturates at kMany, far above any number of steps.
  static std::int64_t multiply(std::int64_t x, std::int64_t a, std::int64_t b) {
    return x > kMany / a ? kMany : x * a / b;
  }
  static constexpr std::int64_t kMany = std::int64_t{1} << 60;
  std::int64_t r = 1, N = 1, N_before = 0, before = 0;  // N_r, N_{r-1}, N_1 + .. + N_{r-1}
};

}  // namespace

std::int64_t revolve_evaluations(Step T, Slot slots) {
  const Repetitions x(T, slots);
  return x.r * T - x.before;
}

Step revolve_advance(Step n, Slot k) {
  if (k == 1) return n - 1;
  if (k >= n - 1) return 1;
  const Repetitions x(n, k);
  // The left part takes N_{r-1}(k) steps with r-1 evaluations of each, if N_{r-1}(k-1) remain on the right.
  const std::int64_t right = Repetitions::multiply(x.N_before, k, k + x.r - 2);  // N_{r-1}(k-1)
  return std::max<Step>(1, std::min<Step>(x.N_before, n - right));
}

Schedule revolve(Step T, Slot slots) {
  expect_room("revolve", T, slots);
  Schedule s{"revolve", T, T, std::min(slots, T - 1), 0, 0, {}};
  append_parts(s, s.slots, 1, revolve_advance);
  return s;
}

}  // namespace autodiff
