// UTF-8: validated code points of a text. A function without state.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace checkpoints {

/// The code point that starts at text[at]; moves `at` past it. Empty if the bytes are not valid UTF-8 (RFC
/// 3629: no overlong forms, no surrogates, nothing above U+10FFFF). REQUIRES at < text.size().
inline std::optional<std::uint32_t> next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t first = byte(at);
  if (first < 0x80) return ++at, first;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() - at < length) return {};
  std::uint32_t point = first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return {};
    point = point << 6 | (byte(at + i) & 0x3f);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return {};
  at += length;
  return point;
}

}  // namespace checkpoints
