// Parallel: the one seam through which work is spread over threads.
//
// for_each(n, f) runs f(0) .. f(n-1), each once, in any order, and returns when all are done. What each f(i)
// writes must be its own: then the result does not depend on the number of threads. On oneTBB; in the tsan
// preset on std::thread, which the sanitizer understands.
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
  /// How many calls of for_each have been spread over threads so far.
  std::size_t spread() const;
  /// The first exception that an f throws is rethrown here.
  void for_each(std::size_t n, const std::function<void(std::size_t)>& f) const;

 private:
  struct Pool;
  int threads_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace autodiff
