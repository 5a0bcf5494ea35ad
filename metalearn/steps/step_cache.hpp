// StepCache: compiled inner steps by shape, lent to one worker at a time.
//
// Compiling costs tens of milliseconds, so idle steps are kept, most recently used first. An arena costs tens
// or hundreds of megabytes and, when its pages are first touched, more time than a step, so there is only one
// per step ever on loan at the same time: each loan gets the largest idle arena. Any thread may borrow; a
// lease belongs to the thread that took it.
#pragma once
#include <cstddef>
#include <list>
#include <mutex>
#include <utility>
#include <vector>

#include "metalearn/steps/inner_step.hpp"

namespace metalearn {

class StepCache {
 public:
  static constexpr std::size_t kIdleSteps = 64;
  /// idle_steps: the largest number kept.
  explicit StepCache(RuleConfig rule, int kernel_threads = 1, std::size_t idle_steps = kIdleSteps,
                     int sub_segments = 1);

  /// A step on loan; its destructor returns it to the cache. REQUIRES the cache to outlive it.
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
  /// Frees the idle arenas.
  void release();
  std::size_t idle() const;
  std::size_t idle_arenas() const;

 private:
  Lease lend(InnerStep<float> step);
  void give_back(InnerStep<float> step);

  RuleConfig rule_;
  int kernel_threads_, sub_segments_;
  std::size_t idle_steps_;
  mutable std::mutex mutex_;
  std::list<InnerStep<float>> idle_;     ///< most recently used first
  std::vector<autodiff::Arena> arenas_;  ///< idle, smallest first
};

}  // namespace metalearn
