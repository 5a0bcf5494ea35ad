#include "autodiff/parallel/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>

#ifdef METALEARN_STD_THREADS
#include <exception>
#include <thread>
#include <vector>
#else
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#endif

#include "autodiff/parallel/processors.hpp"

namespace autodiff {

#ifdef METALEARN_STD_THREADS

struct Parallel::Pool {
  explicit Pool(int) {}
  // One thread per call is slow, but hides nothing from the sanitizer.
  void for_each(int threads, std::size_t n, const std::function<void(std::size_t)>& f) const {
    std::atomic<std::size_t> next{0};
    std::exception_ptr error;
    std::mutex mutex;
    auto work = [&] {
      for (std::size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) {
        try {
          f(i);
        } catch (...) {
          std::lock_guard lock(mutex);
          if (!error) error = std::current_exception();
        }
      }
    };
    std::vector<std::thread> workers;
    for (int t = 1; t < threads; ++t) workers.emplace_back(work);
    work();
    for (auto& w : workers) w.join();
    if (error) std::rethrow_exception(error);
  }
  std::atomic<std::size_t> calls{0};
};

#else

struct Parallel::Pool {
  explicit Pool(int threads) : arena(threads) { allow(static_cast<std::size_t>(threads)); }
  void for_each(int, std::size_t n, const std::function<void(std::size_t)>& f) {
    arena.execute([&] {
      tbb::parallel_for(
          tbb::blocked_range<std::size_t>(0, n, 1),
          [&](const tbb::blocked_range<std::size_t>& r) {
            for (std::size_t i = r.begin(); i < r.end(); ++i) f(i);
          },
          tbb::simple_partitioner());
    });
  }
  tbb::task_arena arena;
  std::atomic<std::size_t> calls{0};

 private:
  // oneTBB limits a process to one thread per core, and the smallest of several controls applies. If more
  // threads are requested, this single control is raised permanently to the largest request: each arena has
  // its own, smaller limit.
  static void allow(std::size_t threads) {
    static std::mutex mutex;
    static std::unique_ptr<tbb::global_control> control;
    std::lock_guard lock(mutex);
    constexpr auto kThreads = tbb::global_control::max_allowed_parallelism;
    if (threads > tbb::global_control::active_value(kThreads)) {
      auto raised = std::make_unique<tbb::global_control>(kThreads, threads);
      control = std::move(raised);
    }
  }
};

#endif

Parallel::Parallel(int threads)
    : threads_(threads > 0 ? threads : usable_processors()),
      pool_(threads_ > 1 ? std::make_unique<Pool>(threads_) : nullptr) {}
Parallel::~Parallel() = default;
Parallel::Parallel(Parallel&&) noexcept = default;
std::size_t Parallel::spread() const { return pool_ ? pool_->calls.load() : 0; }
Parallel& Parallel::operator=(Parallel&&) noexcept = default;

void Parallel::for_each(std::size_t n, const std::function<void(std::size_t)>& f) const {
  if (!pool_ || n <= 1) {
    for (std::size_t i = 0; i < n; ++i) f(i);
    return;
  }
  pool_->calls.fetch_add(1, std::memory_order_relaxed);
  pool_->for_each(threads_, n, f);
}

}  // namespace autodiff
