// ArenaPool: arenas that windows pass to each other, because touching new memory costs more than a small
// step. Any thread may use it.
#pragma once
#include <mutex>
#include <utility>
#include <vector>

#include "autodiff/plan/arena.hpp"

namespace metalearn {

class ArenaPool {
 public:
  /// An arena that was given back, or a new one. The caller gives it back, or frees it by destroying it.
  autodiff::Arena take() {
    std::lock_guard lock(mutex_);
    if (idle_.empty()) return {};
    autodiff::Arena arena = std::move(idle_.back());
    idle_.pop_back();
    return arena;
  }
  void give_back(autodiff::Arena arena) {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(arena));
  }
  /// Frees the idle arenas.
  void release() {
    std::lock_guard lock(mutex_);
    idle_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<autodiff::Arena> idle_;
};

}  // namespace metalearn
