// StepCache: compiled inner steps by shape, lent to one worker at a time.
//
// Compiling costs tens of milliseconds and an arena tens of megabytes, so idle steps are kept, most recently used first, within a count and a number of
// bytes. Any thread may borrow; a lease belongs to the thread that took it.
#pragma once
#include <cstddef>
#include <list>
#include <mutex>
#include <utility>

#include "metalearn/model/inner_step.hpp"

namespace metalearn {

class StepCache {
 public:
  struct Limits {
    std::size_t steps = 64;               ///< idle ones, largest number kept
    std::size_t bytes = 256ull << 20;     ///< of their arenas; the newest is kept until another shape is needed, however large
  };
  explicit StepCache(RuleConfig rule, int kernel_threads = 1) : StepCache(std::move(rule), kernel_threads, Limits{}) {}
  StepCache(RuleConfig rule, int kernel_threads, Limits limits);

  /// A step on loan; goes back to the cache at the end of its life. REQUIRES the cache to outlive it.
  class Lease {
   public:
    Lease(StepCache& cache, InnerStep<float> step) : cache_(&cache), step_(std::move(step)) {}
    ~Lease() { cache_->give_back(std::move(step_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    InnerStep<float>* operator->() { return &step_; }
    InnerStep<float>& operator*() { return step_; }

   private:
    StepCache* cache_;
    InnerStep<float> step_;
  };

  /// An idle step of this shape, or a new one.
  Lease borrow(const StepShape& shape);
  std::size_t idle() const;

 private:
  void give_back(InnerStep<float> step);
  void evict(std::size_t keep);

  RuleConfig rule_;
  int kernel_threads_;
  Limits limits_;
  mutable std::mutex mutex_;
  std::list<InnerStep<float>> idle_;  ///< most recently used first
  std::size_t idle_bytes_ = 0;
};

}  // namespace metalearn
