#include "metalearn/steps/budget_share.hpp"

#include <doctest/doctest.h>

#include "autodiff/parallel/processors.hpp"

using namespace metalearn;
using autodiff::Budget;

namespace {

/// Falls steeply at first, as recomputation does, then no more; does not fit below 10 bytes.
std::optional<double> steep(const Budget& each) {
  if (each.memory_bytes < 10) return {};
  const double slots = static_cast<double>(std::min<std::size_t>(each.memory_bytes / 10, 20));
  return 100 + 5000 / (slots * slots);
}

std::int64_t rounds(std::int64_t tasks, int at_once) { return (tasks + at_once - 1) / at_once; }

}  // namespace

TEST_CASE(
    "no other number of tasks at one time costs less, they fit together, and more memory or threads never "
    "cost more") {
  for (std::int64_t tasks : {1, 2, 5, 6, 13})
    for (std::size_t memory = 10; memory < 3000; memory += 31) {
      double before = 1e300;
      for (int threads = 1; threads <= 16; ++threads) {
        const auto share = share_budget(tasks, threads, {memory, 3 * memory}, steep);
        REQUIRE(share);
        CHECK(share->at_once >= 1);
        CHECK(share->at_once <= std::min<std::int64_t>(threads, tasks));
        CHECK(share->each.memory_bytes == memory / static_cast<std::size_t>(share->at_once));
        CHECK(share->each.disk_bytes == 3 * memory / static_cast<std::size_t>(share->at_once));
        CHECK(share->cost == static_cast<double>(rounds(tasks, share->at_once)) * steep(share->each).value());
        for (int n = 1; n <= std::min<std::int64_t>(threads, tasks); ++n) {
          const auto other = steep({memory / static_cast<std::size_t>(n), 0});
          if (other) CHECK(share->cost <= static_cast<double>(rounds(tasks, n)) * *other);
        }
        CHECK(share->cost <= before);
        CHECK(
            share->cost <=
            share_budget(tasks, threads, {memory - std::min<std::size_t>(memory - 10, 31), 0}, steep)->cost);
        before = share->cost;
      }
    }
}

TEST_CASE(
    "of equally good shares the one with the fewest tasks at one time; none where not even one task fits") {
  const auto flat = [](const Budget&) { return std::optional(1.0); };
  CHECK(share_budget(6, 4, {100, 0}, flat)->at_once == 3);  // as many rounds as with four
  CHECK(share_budget(6, 64, {100, 0}, flat)->at_once == 6);
  CHECK_FALSE(share_budget(6, 4, {9, 0}, steep));
  CHECK(share_budget(6, 4, {10, 0}, steep)->at_once == 1);
}

TEST_CASE("threads that no task of its own keeps busy go to the loops inside a step; each has at least one") {
  CHECK(kernel_threads(16, 1) == 16);
  CHECK(kernel_threads(16, 2) == 8);
  CHECK(kernel_threads(16, 3) == 5);
  CHECK(kernel_threads(2, 16) == 1);
  CHECK(kernel_threads(1, 1) == 1);
  CHECK(kernel_threads(0, 1) == autodiff::usable_processors());
}
