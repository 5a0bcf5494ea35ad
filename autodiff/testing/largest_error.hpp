// Largest error: the maximum of several errors, where NaN counts as the largest.
#pragma once
#include <cmath>

namespace autodiff {

inline void keep_largest(double& largest, double error) {
  if (std::isnan(error) || error > largest) largest = error;
}

}  // namespace autodiff
