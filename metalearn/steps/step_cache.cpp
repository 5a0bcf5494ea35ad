#include "metalearn/steps/step_cache.hpp"

#include <algorithm>

namespace metalearn {

using autodiff::Arena;

StepCache::StepCache(RuleConfig rule, int kernel_threads, std::size_t idle_steps, int sub_segments)
    : rule_(std::move(rule)),
      kernel_threads_(kernel_threads),
      sub_segments_(sub_segments),
      idle_steps_(idle_steps) {}

StepCache::Lease StepCache::borrow(const StepShape& shape) {
  {
    std::lock_guard lock(mutex_);
    const auto found = std::find_if(idle_.begin(), idle_.end(),
                                    [&](const InnerStep<float>& s) { return s.shape() == shape; });
    if (found != idle_.end()) {
      InnerStep<float> step = std::move(*found);
      idle_.erase(found);
      return lend(std::move(step));
    }
  }
  InnerStep<float> step(rule_, shape, kernel_threads_, sub_segments_);
  std::lock_guard lock(mutex_);
  return lend(std::move(step));
}

/// REQUIRES the lock.
StepCache::Lease StepCache::lend(InnerStep<float> step) {
  if (!arenas_.empty()) {
    step.exchange_arena(std::move(arenas_.back()));
    arenas_.pop_back();
  }
  return Lease(*this, std::move(step));
}

void StepCache::release() {
  std::lock_guard lock(mutex_);
  arenas_.clear();
}

std::size_t StepCache::idle() const {
  std::lock_guard lock(mutex_);
  return idle_.size();
}

std::size_t StepCache::idle_arenas() const {
  std::lock_guard lock(mutex_);
  return arenas_.size();
}

void StepCache::give_back(InnerStep<float> step) {
  std::lock_guard lock(mutex_);
  Arena arena = step.exchange_arena({});
  const auto larger = std::upper_bound(arenas_.begin(), arenas_.end(), arena,
                                       [](const Arena& a, const Arena& b) { return a.bytes() < b.bytes(); });
  arenas_.insert(larger, std::move(arena));
  idle_.push_front(std::move(step));
  if (idle_.size() > idle_steps_) idle_.pop_back();
}

}  // namespace metalearn
