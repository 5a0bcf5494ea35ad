// Profile: where the time of a meta-gradient step goes, op by op and kernel by kernel.
#pragma once
#include "bench/presets.hpp"
#include "bench/program.hpp"

namespace bench {

/// Runs turns for `seconds` (at least three) and takes each kernel's smallest time. "ops": by name, the
/// costliest first, and "kernels": one by one with the place where they were recorded, in their order.
/// Entries have ms, share of the sum, multiply_adds as the op states them, and of "ops" how many kernels
/// there are.
Json profile(const Preset& preset, int threads, double seconds);

/// The table of ops, and of the kernels the `most` costliest. peak: GFLOP/s that arithmetic is given in per
/// cent of.
void print_profile(const Json& profile, double peak, std::size_t most);

}  // namespace bench
