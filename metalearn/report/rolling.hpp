// Rolling: long columns of numbers made fit to be drawn. Pure functions.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "metalearn/report/figure.hpp"

namespace metalearn::report {

/// Values over which a curve of n rows is averaged: a hundredth of them, 5 to 100.
std::size_t rolling_window(std::size_t rows);

/// values[i] becomes the mean of the last `window` rows up to i, NaN among them left out; NaN where there are
/// none.
std::vector<double> rolling_mean(std::span<const double> values, std::size_t window);

/// Of so many points at most `most`, evenly, the last one always among them.
std::vector<Point> thinned(std::span<const double> x, std::span<const double> y, std::size_t most = 800);

}  // namespace metalearn::report
