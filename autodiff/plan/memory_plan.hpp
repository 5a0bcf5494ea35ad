// Memory plan: fixed offsets in one arena for buffers with known lifetimes. A pure function; the reported
// peak is exact.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace autodiff {

struct Lifetime {
  std::size_t bytes = 0;
  std::size_t first = 0,
              last = 0;  ///< the steps of its first write and last use, inclusive
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  ///< one per buffer, multiples of kArenaAlignment
  std::size_t peak = 0;              ///< bytes of the arena: the largest offset + bytes
};

inline constexpr std::size_t kArenaAlignment = 64;

/// Places buffers in order of their first step, each in the smallest gap that holds it (best fit). Buffers
/// with overlapping lifetimes never overlap in memory.
MemoryPlan plan_memory(std::span<const Lifetime> buffers);

}  // namespace autodiff
