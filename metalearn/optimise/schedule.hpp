// Schedules of meta-training: what changes from update to update, each a function of the update number alone
// and with its own horizon.
//
// None depends on how many updates a run is asked for, so a run that is continued further follows the same
// path. Computed by portable_math.hpp: the same bits on every machine. Pure functions, any thread.
#pragma once
#include <cstdint>
#include <vector>

#include "metalearn/config/config.hpp"

namespace metalearn {

/// Adam's rate for update `update` (0, 1, ...): half a cosine from meta_rate at 0 to meta_rate_final at
/// decay_horizon and after, times a linear warm-up (update + 1) / warmup that ends at 1.
double meta_rate(const Config& config, std::int64_t update);

/// What the rate is multiplied by, for each number of theta: merge_rate for the weights that merge the terms
/// of an increment, 1 for all others. The merge weights begin at 0.1 and end at several: at the common rate
/// they would take most of a training to get there.
std::vector<float> rate_scale(const Config& config);

/// The longest total length (inner steps) that a task begun at `update` may get: log-linear from length_start
/// at 0 to length_max at length_horizon and after, never outside length_min .. length_max.
std::int64_t length_limit(const Config& config, std::int64_t update);

}  // namespace metalearn
