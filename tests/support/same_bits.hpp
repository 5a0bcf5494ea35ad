// Equality to the last bit: NaNs that have the same bits are equal, 0 and -0 are not.
#pragma once
#include <cstring>
#include <type_traits>
#include <vector>

namespace support {

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  static_assert(std::is_arithmetic_v<T>);
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

}  // namespace support
