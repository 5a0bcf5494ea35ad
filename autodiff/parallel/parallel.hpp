// Parallel: the only interface through which work is spread over threads.
//
// for_each(n, f) runs f(0) .. f(n-1), each once, in any order, and returns when all are done. No two f(i) may
// write the same memory; then the result does not depend on the number of threads. Uses oneTBB, or
// std::thread in the tsan preset, as the sanitizer understands it.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>

namespace autodiff {

class Parallel {
 public:
  /// threads >= 1; 0 means all cores. 1 runs everything in the calling thread.
  explicit Parallel(int threads = 1);
  ~Parallel();
  Parallel(Parallel&&) noexcept;
  Parallel& operator=(Parallel&&) noexcept;

  int threads() const { return threads_; }
  /// How many calls of for_each were spread over threads so far.
  std::size_t spread() const;
  /// Rethrows the first exception of an f.
  void for_each(std::size_t n, const std::function<void(std::size_t)>& f) const;

 private:
  struct Pool;
  int threads_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace autodiff
