#include "autodiff/graph/shape.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>

namespace autodiff {

Shape::Shape(std::span<const Index> extents) {
  if (extents.size() > kMaxRank)
    throw std::invalid_argument(
        fmt::format("[shape] too many axes: found {} (at most {})", extents.size(), kMaxRank));
  for (Index e : extents) {
    if (e < 1)
      throw std::invalid_argument(fmt::format("[shape] an extent is below 1: found [{}] (each at least 1)",
                                              fmt::join(extents, ", ")));
    extents_[static_cast<std::size_t>(rank_++)] = e;
  }
}

Shape Shape::with(int axis, Index extent) const {
  Shape s = *this;
  s.extents_[static_cast<std::size_t>(axis)] = extent;
  return s;
}

std::string Shape::to_string() const { return fmt::format("[{}]", fmt::join(extents(), ", ")); }

}  // namespace autodiff
