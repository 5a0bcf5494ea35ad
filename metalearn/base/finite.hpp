// Norms and finiteness of flat arrays. Pure functions.
#pragma once
#include <span>

namespace metalearn {

/// The 2-norm, summed in index order in float64.
double norm(std::span<const float> values);
bool all_finite(std::span<const float> values);
bool all_finite(std::span<const double> values);

}  // namespace metalearn
