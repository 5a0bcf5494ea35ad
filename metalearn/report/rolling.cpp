#include "metalearn/report/rolling.hpp"

#include <algorithm>
#include <cmath>

namespace metalearn::report {

std::size_t rolling_window(std::size_t rows) { return std::clamp<std::size_t>(rows / 100, 5, 100); }

std::vector<double> rolling_mean(std::span<const double> values, std::size_t window) {
  std::vector<double> means(values.size(), kNone);
  for (std::size_t i = 0; i < values.size(); ++i) {  // summed afresh each time, so errors do not accumulate
    double sum = 0;
    std::size_t n = 0;
    for (std::size_t j = i + 1 - std::min(window, i + 1); j <= i; ++j)
      if (std::isfinite(values[j])) sum += values[j], ++n;
    if (n > 0) means[i] = sum / static_cast<double>(n);
  }
  return means;
}

std::vector<Point> thinned(std::span<const double> x, std::span<const double> y, std::size_t most) {
  std::vector<Point> points;
  const std::size_t stride = std::max<std::size_t>(1, (x.size() + most - 1) / most);
  for (std::size_t i = 0; i < x.size(); ++i)
    if ((x.size() - 1 - i) % stride == 0) points.push_back({x[i], y[i]});
  return points;
}

}  // namespace metalearn::report
