// KernelLevels: which instruction sets the kernels can use here, and the user's choice of one
// (METALEARN_ISA).
//
// Any number of threads.
#pragma once
#include <string>
#include <vector>

namespace tools {

/// Levels that this build contains and this machine runs, simplest first.
std::vector<std::string> kernel_levels();

/// Throws checkpoints::UsageError if METALEARN_ISA names none of them.
void require_kernel_level();

}  // namespace tools
