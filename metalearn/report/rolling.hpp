// Rolling: smooths and thins long columns of numbers for plots. Pure functions.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "metalearn/report/figure.hpp"

namespace metalearn::report {

/// Window of the rolling mean for n rows: n / 100, within 5 .. 100.
std::size_t rolling_window(std::size_t rows);

/// values[i] becomes the mean of the last `window` rows up to i, without NaN; NaN if there are none.
std::vector<double> rolling_mean(std::span<const double> values, std::size_t window);

/// At most `most` of these points, evenly spaced, always with the last one.
std::vector<Point> thinned(std::span<const double> x, std::span<const double> y, std::size_t most = 800);

}  // namespace metalearn::report
