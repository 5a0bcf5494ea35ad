// Largest error: of some errors, where one that is not a number is the largest of all and stays so.
#pragma once
#include <cmath>

namespace autodiff {

inline void keep_largest(double& largest, double error) {
  if (std::isnan(error) || error > largest) largest = error;
}

}  // namespace autodiff
