// Schedules of meta-training: quantities that change over the updates, each a function of only the update
// number, with its own horizon.
//
// None depends on the total number of updates, so a run that is resumed for more updates follows the same
// path. Computed by portable_math.hpp: the same bits on every machine. Pure functions, any thread.
#pragma once
#include <cstdint>
#include <vector>

#include "metalearn/config/config.hpp"

namespace metalearn {

/// Adam's rate for update `update` (0, 1, ...): half a cosine from meta_rate at 0 to meta_rate_final at
/// decay_horizon and after, times a linear warm-up (update + 1) / warmup that ends at 1.
double meta_rate(const Config& config, std::int64_t update);

/// The factor on the rate for each number of theta: merge_rate for the weights that merge the terms of an
/// increment, 1 for all others. The merge weights start at 0.1 and grow to several units: at the common rate
/// this would take most of a training.
std::vector<float> rate_scale(const Config& config);

/// The largest total length (inner steps) of a task that starts at `update`: log-linear from length_start at
/// 0 to length_max at length_horizon and after, never outside length_min .. length_max.
std::int64_t length_limit(const Config& config, std::int64_t update);

}  // namespace metalearn
