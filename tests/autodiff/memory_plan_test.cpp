#include "autodiff/plan/memory_plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>

using namespace autodiff;

TEST_CASE("buffers that live at one time never overlap, and the peak is the largest end") {
  std::uint64_t state = 5;
  const auto draw = [&](std::size_t n) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::size_t>(state >> 33) % n;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> buffers(1 + draw(60));
    for (auto& b : buffers) {
      b.bytes = 1 + draw(5000);
      b.first = draw(50);
      b.last = b.first + draw(20);
    }
    const MemoryPlan plan = plan_memory(buffers);
    std::size_t peak = 0, total = 0;
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      const std::size_t bytes = (buffers[i].bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
      CHECK(plan.offsets[i] % kArenaAlignment == 0);
      peak = std::max(peak, plan.offsets[i] + bytes);
      total += bytes;
      for (std::size_t j = 0; j < i; ++j) {
        const bool together = buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
        if (together)
          REQUIRE((plan.offsets[i] + bytes <= plan.offsets[j] ||
                   plan.offsets[j] + buffers[j].bytes <= plan.offsets[i]));
      }
    }
    CHECK(plan.peak == peak);
    CHECK(plan.peak <= total);
  }
}

TEST_CASE("a buffer takes the place of one that is no longer used") {
  const std::vector<Lifetime> chain{{1024, 0, 1}, {1024, 1, 2}, {1024, 2, 3}, {1024, 3, 4}};
  CHECK(plan_memory(chain).peak == 2048);
}
