// Worst: the largest of some errors, where one that is not a number is the largest of all and stays so.
#pragma once
#include <cmath>

namespace autodiff {

inline void worsen(double& worst, double error) {
  if (std::isnan(error) || error > worst) worst = error;
}

}  // namespace autodiff
