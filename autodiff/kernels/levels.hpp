// Levels: the tables that level.cpp defines, one pair per compiled instruction set level.
//
// Only declarations: safe to include in code compiled for any level.
#pragma once
#include "autodiff/kernels/kernels.hpp"

namespace autodiff::kernels {

#define AUTODIFF_DECLARE_LEVEL(level)          \
  namespace level {                            \
  extern const Kernels<float> float_kernels;   \
  extern const Kernels<double> double_kernels; \
  }

AUTODIFF_DECLARE_LEVEL(scalar)
AUTODIFF_DECLARE_LEVEL(v2)
AUTODIFF_DECLARE_LEVEL(v3)
AUTODIFF_DECLARE_LEVEL(v4)

#undef AUTODIFF_DECLARE_LEVEL

}  // namespace autodiff::kernels
