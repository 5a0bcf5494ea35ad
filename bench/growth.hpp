// Growth: how the time of an inner step depends on the length of the unroll (it should not), on the batch and
// on the units (linearly). All times are processor time of one thread.
#pragma once
#include <string>
#include <vector>

#include "bench/presets.hpp"
#include "bench/program.hpp"

namespace bench {

/// Times unrolls of these lengths as the outer loop runs them: every step forward, then every step in reverse
/// from its own state. One entry per length: ms of one step (median of advances plus median of turns),
/// mean_ms (mean over all of them), and `ratio` of ms to that of an unroll of the first length, whose steps
/// are interleaved so that a change of the machine's speed does not count as growth.
Json unrolls(const Preset& preset, const std::vector<long long>& lengths);

/// Times the preset at 1, 2 and 4 times the batch ("batch") or the width of every layer except the top
/// ("units"), in turn for `seconds`. Entries of size (examples, or units of all layers), multiply_adds and
/// ms; the slope of log ms (smallest) against log size, by least squares (1 is linear), and the slope of log
/// multiply-adds, its lower bound: low-rank terms are products over pairs of units. Throws
/// checkpoints::UsageError for another word.
Json doublings(const Preset& preset, const std::string& what, double seconds);

}  // namespace bench
