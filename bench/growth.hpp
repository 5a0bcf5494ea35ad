// Growth: how the time of an inner step depends on the length of the unroll (it should not), on the batch and
// on the units (linearly). All times are processor time of one thread.
#pragma once
#include <string>
#include <vector>

#include "bench/presets.hpp"
#include "bench/program.hpp"

namespace bench {

/// Unrolls of these lengths, each as the outer loop does it: every step forward, then every step in reverse
/// from its own state. An entry per length: ms of one step (median of advances plus median of turns), mean_ms
/// (all of them over the length), and `ratio` of ms to that of the steps of an unroll of the first length,
/// which are run in between, so that a machine that changes its pace doesn't count as growth.
Json unrolls(const Preset& preset, const std::vector<long long>& lengths);

/// The preset at 1, 2 and 4 times the batch ("batch") or the width of every layer but the top ("units"), in
/// turn for `seconds`. Entries of size (examples, or units of all layers), multiply_adds and ms; the slope of
/// log ms (smallest) against log size, by least squares (1 is linear), and that of log multiply-adds, which
/// is the least that it can be: low-rank terms are products over pairs of units. Throws
/// checkpoints::UsageError for another word.
Json doublings(const Preset& preset, const std::string& what, double seconds);

}  // namespace bench
