#include "metalearn/outer/step_cache.hpp"

#include <algorithm>

namespace metalearn {

StepCache::StepCache(RuleConfig rule, int kernel_threads, Limits limits) : rule_(std::move(rule)), kernel_threads_(kernel_threads), limits_(limits) {}

StepCache::Lease StepCache::borrow(const StepShape& shape) {
  {
    std::lock_guard lock(mutex_);
    const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const InnerStep<float>& s) { return s.shape() == shape; });
    if (found != idle_.end()) {
      InnerStep<float> step = std::move(*found);
      idle_bytes_ -= step.predicted_peak_bytes();
      idle_.erase(found);
      return Lease(*this, std::move(step));
    }
    evict(0);  // make room before the new arena is touched
  }
  return Lease(*this, InnerStep<float>(rule_, shape, kernel_threads_));
}

std::size_t StepCache::idle() const {
  std::lock_guard lock(mutex_);
  return idle_.size();
}

void StepCache::give_back(InnerStep<float> step) {
  std::lock_guard lock(mutex_);
  idle_bytes_ += step.predicted_peak_bytes();
  idle_.push_front(std::move(step));
  evict(1);
}

/// Drops the least recently used beyond the limits, but never the `keep` newest. REQUIRES the lock.
void StepCache::evict(std::size_t keep) {
  while (idle_.size() > keep && (idle_.size() > limits_.steps || idle_bytes_ > limits_.bytes)) {
    idle_bytes_ -= idle_.back().predicted_peak_bytes();
    idle_.pop_back();
  }
}

}  // namespace metalearn
