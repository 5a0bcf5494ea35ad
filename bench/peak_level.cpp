// A burst of multiply-adds of one instruction set level, AUTODIFF_ISA. Compiled once per level; like
// autodiff/kernels/level.cpp it includes nothing with external linkage except its own definitions.
#include "bench/peak_level.hpp"
#include "autodiff/kernels/vector.hpp"

namespace bench {

namespace {

using autodiff::kernels::kBytes;
using V = autodiff::kernels::Vec<float, kBytes>;

/// More chains than latency times units (4 cycles, 2 units), but no more than registers, less two for the
/// factor and the summand.
constexpr int kChains = kBytes == 64 ? 24 : 12;
constexpr int kLanes = kBytes / 4;

float multiply_add(std::int64_t rounds, float factor, float summand) {
  const V f = factor - V{}, s = summand - V{};
  V x[kChains];
  AUTODIFF_UNROLL for (int i = 0; i < kChains; ++i) x[i] = static_cast<float>(i) - V{};
  for (std::int64_t r = 0; r < rounds; ++r) {
    AUTODIFF_UNROLL for (int i = 0; i < kChains; ++i) x[i] = autodiff::kernels::fma(x[i], f, s);
  }
  V total{};
  AUTODIFF_UNROLL for (int i = 0; i < kChains; ++i) total += x[i];
  float sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum += total[lane];
  return sum;
}

}  // namespace

namespace AUTODIFF_ISA {
constinit const Burst burst = {2 * kChains * kLanes, multiply_add};
}

}  // namespace bench
