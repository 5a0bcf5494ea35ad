// The value of what a graph without inputs computes.
#pragma once
#include <vector>

#include "autodiff/plan/plan.hpp"

namespace autodiff_test {

/// In float64, row by row.
inline std::vector<double> value(autodiff::Var y) {
  std::vector<double> out(static_cast<std::size_t>(y.shape().size()));
  double* o = out.data();
  autodiff::Arena arena;
  autodiff::Plan<double>({}, std::span(&y, 1)).run({}, std::span(&o, 1), arena, autodiff::Parallel(1));
  return out;
}

}  // namespace autodiff_test
