// Gradient checks: compare the reverse of a recorded function with central differences, in double. For users'
// ops and for this project's tests.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// A function of several arrays, recorded as a graph.
using Recorded = std::function<Var(std::span<const Var>)>;

struct GradcheckOptions {
  double step = 1e-5;      ///< of the central difference, scaled by max(1, |x|)
  std::uint64_t seed = 1;  ///< of the random direction onto which the output is projected
  double floor = 1e-6;     ///< smallest magnitude to which errors are relative
  int probes = 40;         ///< elements checked per input (all, if there are fewer)
};

/// Largest error of the reverse over the checked elements: |analytic - numeric| / max(floor, largest
/// |numeric|); NaN if any is. Values: C order, one vector per shape.
double gradcheck(const Recorded& f, std::span<const Shape> shapes,
                 std::span<const std::vector<double>> values, GradcheckOptions options = {});

/// The same for the gradient of a projection of the gradient: checks that the reverse can itself be
/// differentiated.
double gradcheck_second(const Recorded& f, std::span<const Shape> shapes,
                        std::span<const std::vector<double>> values, GradcheckOptions options = {});

}  // namespace autodiff
