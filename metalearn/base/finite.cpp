#include "metalearn/base/finite.hpp"

#include <algorithm>
#include <cmath>

namespace metalearn {

double norm(std::span<const float> values) {
  double sum = 0;
  for (float x : values) sum += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(sum);
}

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}
bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

}  // namespace metalearn
