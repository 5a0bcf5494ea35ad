// PeakLevel: the bursts that peak_level.cpp defines, one per instruction set level that it is compiled for.
// Only declarations: safe in code for any level.
#pragma once
#include <cstdint>

namespace bench {

/// `rounds` rounds of independent multiply-adds that stay in registers.
struct Burst {
  std::int64_t flops;  ///< of one round
  float (*run)(std::int64_t rounds, float factor, float summand);
};

namespace scalar {
extern const Burst burst;
}
namespace v2 {
extern const Burst burst;
}
namespace v3 {
extern const Burst burst;
}
namespace v4 {
extern const Burst burst;
}

}  // namespace bench
