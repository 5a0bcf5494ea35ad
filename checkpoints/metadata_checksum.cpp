#include "checkpoints/metadata_checksum.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace checkpoints {

/// Bob Jenkins, lookup3.c (2006, public domain): three words of state, mixed with twelve bytes at a time.
std::uint32_t metadata_checksum(std::span<const std::byte> bytes) {
  std::uint32_t a = 0xdeadbeef + static_cast<std::uint32_t>(bytes.size()), b = a, c = a;
  auto add = [&](std::size_t count) {
    std::uint32_t words[3] = {};
    std::memcpy(words, bytes.data(), count);
    bytes = bytes.subspan(count);
    a += words[0], b += words[1], c += words[2];
  };
  while (bytes.size() > 12) {
    add(12);
    a -= c, a ^= std::rotl(c, 4), c += b;
    b -= a, b ^= std::rotl(a, 6), a += c;
    c -= b, c ^= std::rotl(b, 8), b += a;
    a -= c, a ^= std::rotl(c, 16), c += b;
    b -= a, b ^= std::rotl(a, 19), a += c;
    c -= b, c ^= std::rotl(b, 4), b += a;
  }
  if (bytes.empty()) return c;
  add(bytes.size());
  c ^= b, c -= std::rotl(b, 14);
  a ^= c, a -= std::rotl(c, 11);
  b ^= a, b -= std::rotl(a, 25);
  c ^= b, c -= std::rotl(b, 16);
  a ^= c, a -= std::rotl(c, 4);
  b ^= a, b -= std::rotl(a, 14);
  c ^= b, c -= std::rotl(b, 24);
  return c;
}

/// Of big-endian 16-bit words; an odd last byte is a word's high half.
std::uint32_t fletcher32(std::span<const std::byte> bytes) {
  constexpr std::size_t kWords = 360;  // so many words can be summed in 32 bits
  std::uint32_t sum = 0, sum_of_sums = 0;
  auto fold = [](std::uint32_t x) { return (x & 0xFFFF) + (x >> 16); };
  auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(bytes[i]); };
  while (bytes.size() >= 2) {
    const std::size_t words = std::min(bytes.size() / 2, kWords);
    for (std::size_t i = 0; i < words; ++i) sum_of_sums += sum += byte(2 * i) << 8 | byte(2 * i + 1);
    sum = fold(sum), sum_of_sums = fold(sum_of_sums);
    bytes = bytes.subspan(2 * words);
  }
  if (!bytes.empty()) {
    sum_of_sums += sum += byte(0) << 8;
    sum = fold(sum), sum_of_sums = fold(sum_of_sums);
  }
  return fold(sum_of_sums) << 16 | fold(sum);
}

}  // namespace checkpoints
