#include "autodiff/plan/memory_plan.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace autodiff {

MemoryPlan plan_memory(std::span<const Lifetime> buffers) {
  MemoryPlan plan;
  plan.offsets.resize(buffers.size());
  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  // Within a step large buffers come first: small ones fill the gaps.
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tuple(buffers[a].first, buffers[b].bytes, a) <
           std::tuple(buffers[b].first, buffers[a].bytes, b);
  });
  std::map<std::size_t, std::size_t> gaps;  // offset -> bytes, free below the top
  std::multimap<std::size_t, std::pair<std::size_t, std::size_t>>
      ends;  // last step -> (offset, bytes), in use
  std::size_t top = 0;
  const auto release = [&](std::size_t offset, std::size_t bytes) {
    auto next = gaps.lower_bound(offset);
    if (next != gaps.end() && next->first == offset + bytes) {
      bytes += next->second;
      next = gaps.erase(next);
    }
    if (next != gaps.begin()) {
      auto before = std::prev(next);
      if (before->first + before->second == offset) {
        offset = before->first;
        bytes += before->second;
        gaps.erase(before);
      }
    }
    if (offset + bytes == top)
      top = offset;
    else
      gaps[offset] = bytes;
  };
  for (std::size_t i : order) {
    const std::size_t bytes = (buffers[i].bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    while (!ends.empty() && ends.begin()->first < buffers[i].first) {
      release(ends.begin()->second.first, ends.begin()->second.second);
      ends.erase(ends.begin());
    }
    auto best = gaps.end();
    for (auto g = gaps.begin(); g != gaps.end(); ++g)
      if (g->second >= bytes && (best == gaps.end() || g->second < best->second)) best = g;
    std::size_t offset = top;
    if (best != gaps.end()) {
      offset = best->first;
      const std::size_t left = best->second - bytes;
      gaps.erase(best);
      if (left > 0) gaps[offset + bytes] = left;
    } else {
      top += bytes;
    }
    plan.offsets[i] = offset;
    plan.peak = std::max(plan.peak, offset + bytes);
    ends.emplace(buffers[i].last, std::pair(offset, bytes));
  }
  return plan;
}

}  // namespace autodiff
