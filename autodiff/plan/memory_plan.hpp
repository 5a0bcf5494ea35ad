// Memory plan: fixed places in one arena for buffers whose lifetimes are known beforehand. Pure; the peak it
// reports is exact.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace autodiff {

struct Lifetime {
  std::size_t bytes = 0;
  std::size_t first = 0,
              last = 0;  ///< the steps at which the buffer is first written and last used, both included
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  ///< one per buffer, multiples of kArenaAlignment
  std::size_t peak = 0;              ///< bytes of the arena: the largest offset + bytes
};

inline constexpr std::size_t kArenaAlignment = 64;

/// Places buffers in order of their first step, each in the smallest gap that holds it (best fit). Buffers
/// that live at one time never overlap.
MemoryPlan plan_memory(std::span<const Lifetime> buffers);

}  // namespace autodiff
