// Two moons: a rule on a toy problem that can be plotted: two half circles in the plane, from which a base
// model learns without labels.
//
// A pure function of the rule and theta; the data is generated here.
#pragma once
#include <cstdint>
#include <vector>

#include "metalearn/baselines/method.hpp"
#include "metalearn/config/config.hpp"

namespace metalearn::report {

struct TwoMoons {
  Matrix inputs;                     ///< [n, 2], standardised
  std::vector<std::int32_t> labels;  ///< [n] which moon
  std::int64_t steps = 0;            ///< inner steps done
  std::vector<std::int64_t> widths;  ///< of the base model
  Matrix before, after;  ///< [n, N_L] its representation (batch norm statistics over all n) with random
                         ///< weights, and after the steps
};

/// Base model 2-32-32-N_L, batches of config.batch. Does at most `steps`, limited to about a second. Throws
/// checkpoints::Diverged if it is no longer finite.
TwoMoons two_moons(const Config& config, const std::vector<float>& theta, std::int64_t steps);

}  // namespace metalearn::report
