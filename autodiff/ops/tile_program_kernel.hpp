// The interpreter of tile programs: their kernel. Internal to ops/.
#pragma once
#include "autodiff/graph/op.hpp"

namespace autodiff {

/// REQUIRES a node whose TileProgram obeys the rules of TileProgram::kinds().
template <class T>
Kernel<T> tile_program_kernel(const NodeShape& s);

}  // namespace autodiff
