// plus_minus: how tables show a mean and its error.
#pragma once
#include <fmt/format.h>

#include <cmath>
#include <string>

#include "tools/cli/say.hpp"

namespace tools {

/// "0.1234 +- 0.0056"; only the mean if its error is not known (NaN), as for a single measurement.
inline std::string plus_minus(double mean, double error, const char* mean_format = "{:.4f}",
                              const char* error_format = "{:.4f}") {
  const std::string shown = fmt::format(fmt::runtime(mean_format), mean);
  return std::isnan(error) ? shown : shown + " +- " + fmt::format(fmt::runtime(error_format), error);
}

/// Printed below a table of eval or sweep that shows errors.
inline void print_what_errors_are(const char* over) { say("(+-: standard error over {})\n", over); }

}  // namespace tools
