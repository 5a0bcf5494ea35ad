// KernelTiming: where the time of one run of a plan went.
#pragma once
#include <string>

namespace autodiff {

struct KernelTiming {
  std::string op;
  std::string where;  ///< "recorded at file:line in scope a/b"
  double cost = 0;    ///< multiply-adds, by the op's cost
  double seconds = 0;
};

}  // namespace autodiff
