// Profile: where the time of a meta-gradient step goes, op by op and kernel by kernel.
#pragma once
#include "bench/presets.hpp"
#include "bench/program.hpp"

namespace bench {

/// Runs turns for `seconds` (at least three) and takes each kernel's smallest time. "ops": by name, the
/// costliest first; "kernels": each with the place where it was recorded, in order. Entries have ms, share of
/// the sum, multiply_adds as stated by the op, and for "ops" the number of kernels.
Json profile(const Preset& preset, int threads, double seconds);

/// The table of ops and of the `most` costliest kernels. peak: GFLOP/s that correspond to 100 %.
void print_profile(const Json& profile, double peak, std::size_t most);

}  // namespace bench
