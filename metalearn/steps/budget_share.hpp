// BudgetShare: how tasks that unroll side by side share a memory budget and the threads: how many run at one
// time, and what each of them gets.
//
// A pure function, but for the cores that threads = 0 stands for.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>

#include "autodiff/unroll/budget.hpp"

namespace metalearn {

struct BudgetShare {
  int at_once = 1;        ///< tasks that run at one time
  autodiff::Budget each;  ///< of each of them
  double cost = 0;        ///< rounds x cost
};

/// What a task takes within its share, in any unit; nothing where it does not fit.
using ShareCost = std::function<std::optional<double>(const autodiff::Budget& each)>;

/// The share with the least rounds x cost, a round being what runs at one time; of equal ones that with the
/// fewest at one time. Where the cost does not rise with the budget, neither more of it nor more threads ever
/// make rounds x cost more. Nothing where not even one task after the other fits. REQUIRES tasks >= 1.
/// threads 0: all cores.
std::optional<BudgetShare> share_budget(std::int64_t tasks, int threads, const autodiff::Budget& whole,
                                        const ShareCost& cost);

/// Threads for the loops inside a step, where so many tasks run at one time: what there is for each of them,
/// at least one. threads 0: all cores.
int kernel_threads(int threads, std::int64_t at_once);

}  // namespace metalearn
