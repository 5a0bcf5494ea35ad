// Normal draws on the tape: counter-based (Philox4x32-10, Salmon et al. 2011), so that a replay with the same
// counter gives the same numbers.
//
// tests/autodiff/normal_test.cpp.
#pragma once
#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// Independent standard normal numbers of a shape: element i is a pure function of (seed, floor(counter), i).
/// counter [] is run-time data, from 0 to 2^24; different counters give independent arrays; a negative or NaN
/// counter gives NaN. Zero derivative. The last bit of a number depends on libm: it may differ between
/// machines, never between runs or threads.
Var normal(Var counter, Shape shape, std::uint64_t seed, Location at = here());

void register_normal_ops();

}  // namespace autodiff
