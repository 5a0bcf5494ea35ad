#include "autodiff/graph/attributes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/core/demangle.hpp>
#include <stdexcept>

namespace autodiff {

void attribute_bits::append(Bits& bits, const Shape& shape) {
  append(bits, shape.rank());
  for (Index e : shape.extents()) append(bits, e);
}

bool Attributes::operator==(const Attributes& other) const {
  return held_ == other.held_ || (type() == other.type() && std::ranges::equal(bits(), other.bits()));
}

void Attributes::refuse(const std::type_info& wanted) const {
  throw std::logic_error(
      fmt::format("[attributes] expected {}, found {}", attributes_name(wanted), attributes_name(type())));
}

std::string attributes_name(std::type_index type) {
  if (type == typeid(void)) return "none";
  const std::string name = boost::core::demangle(type.name());
  const std::size_t last = name.rfind("::");
  return last == std::string::npos ? name : name.substr(last + 2);
}

}  // namespace autodiff
