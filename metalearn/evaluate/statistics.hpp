// Mean and standard error of independent measurements. Pure functions.
#pragma once
#include <cmath>
#include <span>

namespace metalearn {

struct Estimate {
  double mean = 0;
  double standard_error = 0;  ///< sqrt(sum (x - mean)^2 / (n - 1) / n); NaN for one measurement, which gives
                              ///< no estimate of its error
};

/// REQUIRES at least one value. A NaN among the values makes both NaN.
inline Estimate estimate(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  Estimate e;
  for (double x : values) e.mean += x / n;
  double squares = 0;
  for (double x : values) squares += (x - e.mean) * (x - e.mean);
  e.standard_error = std::sqrt(squares / (n - 1) / n);  // 0 / 0 if n is 1
  return e;
}

}  // namespace metalearn
