#include "tools/cli/kernel_levels.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "autodiff/kernels/kernels.hpp"
#include "checkpoints/error.hpp"

namespace tools {

std::vector<std::string> kernel_levels() {
  std::vector<std::string> levels;
  for (const char* level : {"scalar", "v2", "v3", "v4"})
    if (autodiff::kernels::table<float>(level)) levels.push_back(level);
  return levels;
}

void require_kernel_level() {
  if (*autodiff::kernels::isa_note())
    throw checkpoints::UsageError(fmt::format(
        "METALEARN_ISA = '{}' is not available here (available: {}); set one of these or unset it",
        std::getenv("METALEARN_ISA"), fmt::join(kernel_levels(), ", ")));
}

}  // namespace tools
