#include "metalearn/steps/budget_share.hpp"

#include <algorithm>

#include "autodiff/parallel/parallel.hpp"

namespace metalearn {

std::optional<BudgetShare> share_budget(std::int64_t tasks, int threads, const autodiff::Budget& whole,
                                        const ShareCost& cost) {
  const std::int64_t workers = std::min<std::int64_t>(autodiff::Parallel(threads).threads(), tasks);
  std::optional<BudgetShare> best;
  std::int64_t before = 0;
  for (std::int64_t rounds = tasks; rounds >= 1;
       --rounds) {  // running tasks one after the other needs the least memory
    const std::int64_t at_once = (tasks + rounds - 1) / rounds;
    if (at_once > workers) break;
    if (at_once == before) continue;
    before = at_once;
    const auto n = static_cast<std::size_t>(at_once);
    const autodiff::Budget each{whole.memory_bytes / n, whole.disk_bytes / n};
    const auto one = cost(each);
    if (!one) break;
    const double all = static_cast<double>((tasks + at_once - 1) / at_once) * *one;
    if (!best || all < best->cost) best = BudgetShare{static_cast<int>(at_once), each, all};
  }
  return best;
}

int kernel_threads(int threads, std::int64_t at_once) {
  return static_cast<int>(std::max<std::int64_t>(1, autodiff::Parallel(threads).threads() / at_once));
}

}  // namespace metalearn
