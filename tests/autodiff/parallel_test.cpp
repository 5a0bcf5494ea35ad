#include "autodiff/parallel/parallel.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <vector>

using autodiff::Parallel;

TEST_CASE("every index runs exactly once, on any number of threads") {
  for (int threads : {1, 2, 4}) {
    const Parallel p(threads);
    CHECK(p.threads() == threads);
    for (std::size_t n : {0u, 1u, 2u, 1000u}) {
      std::vector<int> count(n, 0);
      p.for_each(n, [&](std::size_t i) { ++count[i]; });
      CHECK(count == std::vector<int>(n, 1));
    }
  }
  CHECK(Parallel(0).threads() >= 1);
}

TEST_CASE("an exception in one piece of work reaches the caller, and the pool stays usable") {
  const Parallel p(2);
  CHECK_THROWS_AS(p.for_each(100,
                             [](std::size_t i) {
                               if (i == 37) throw std::runtime_error("no");
                             }),
                  std::runtime_error);
  int sum = 0;
  p.for_each(1, [&](std::size_t) { sum = 1; });
  CHECK(sum == 1);
}

TEST_CASE("a Parallel of many threads has them all while one of few lives") {
  const Parallel few(2), many(4);
  std::mutex mutex;
  std::condition_variable changed;
  int arrived = 0;
  bool together = true;
  many.for_each(4, [&](std::size_t) {  // none returns before all four run at once
    std::unique_lock lock(mutex);
    ++arrived;
    changed.notify_all();
    if (!changed.wait_for(lock, std::chrono::seconds(20), [&] { return arrived == 4 || !together; }))
      together = false;
  });
  CHECK(together);
}

TEST_CASE("calls that were spread over threads are counted, others are not") {
  const Parallel one(1), two(2);
  for (const Parallel* p : {&one, &two}) {
    p->for_each(1, [](std::size_t) {});
    CHECK(p->spread() == 0);
    p->for_each(5, [](std::size_t) {});
  }
  CHECK(one.spread() == 0);
  CHECK(two.spread() == 1);
}
