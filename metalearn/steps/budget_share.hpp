// BudgetShare: how tasks that unroll in parallel share a memory budget and the threads: how many run at the
// same time, and the share of each.
//
// A pure function, except for the number of cores that threads = 0 stands for.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>

#include "autodiff/unroll/budget.hpp"

namespace metalearn {

struct BudgetShare {
  int at_once = 1;        ///< tasks that run at the same time
  autodiff::Budget each;  ///< of each task
  double cost = 0;        ///< rounds x cost
};

/// The cost of a task within its share, in any unit; none if it does not fit.
using ShareCost = std::function<std::optional<double>(const autodiff::Budget& each)>;

/// The share with the least rounds x cost, where a round is one set of tasks that run at the same time; on a
/// tie, the one with the fewest tasks at a time. If the cost never rises with the budget, neither a larger
/// budget nor more threads ever increase rounds x cost. None if not even one task at a time fits. REQUIRES
/// tasks >= 1. threads 0: all cores.
std::optional<BudgetShare> share_budget(std::int64_t tasks, int threads, const autodiff::Budget& whole,
                                        const ShareCost& cost);

/// Threads for the loops inside a step if at_once tasks run at the same time: an equal share, at least one.
/// threads 0: all cores.
int kernel_threads(int threads, std::int64_t at_once);

}  // namespace metalearn
