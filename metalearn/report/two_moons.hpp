// Two moons: what a rule makes of a toy that can be seen whole: two half circles in the plane, of which a
// base model learns without labels.
//
// A pure function of the rule and theta; the data is drawn here.
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
  Matrix before, after;  ///< [n, N_L] its representation (statistics of batch norm over all n) of random
                         ///< weights, and after the steps
};

/// Base model 2-32-32-N_L, batches of config.batch. Does `steps`, or as many as take about a second. Throws
/// checkpoints::Diverged where it is no longer finite.
TwoMoons two_moons(const Config& config, const std::vector<float>& theta, std::int64_t steps);

}  // namespace metalearn::report
