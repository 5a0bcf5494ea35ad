#include "metalearn/base/shown_text.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

#include "checkpoints/utf8.hpp"

namespace metalearn {
namespace {

bool is_unseen(std::uint32_t point) {
  if (point < 0x20 || (point >= 0x7f && point < 0xa0)) return true;  // control characters
  if (point == 0x61c || point == 0x200e || point == 0x200f || (point >= 0x202a && point <= 0x202e) ||
      (point >= 0x2066 && point <= 0x2069))
    return true;  // writing direction
  if (point == 0x2028 || point == 0x2029 || point == 0xfeff)
    return true;  // ends of lines and paragraphs, byte order mark
  return (point & 0xfffe) == 0xfffe || (point >= 0xe0000 && point < 0xe1000);  // noncharacters, and tags
}

/// Writes each invisible character as `written` returns it; it is called with nothing for a byte that is not
/// UTF-8.
template <class Written>
std::string replaced(std::string_view text, Written&& written) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    const auto point = checkpoints::next_code_point(text, end);
    if (!point) end = at + 1;
    if (point && !is_unseen(*point))
      out.append(text, at, end - at);
    else
      out += written(point, text.substr(at, end - at));
    at = end;
  }
  return out;
}

std::string escape(std::optional<std::uint32_t> point, std::string_view bytes) {
  if (!point) return fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[0]));
  return fmt::format(fmt::runtime(*point < 0x100 ? "\\x{:02x}" : "\\u{:04x}"), *point);
}

}  // namespace

std::string shown(std::string_view text) { return replaced(text, escape); }

std::string shown_lines(std::string_view text) {
  return replaced(
      text, [](auto point, std::string_view bytes) { return point == '\n' ? "\n" : escape(point, bytes); });
}

std::string shown_csv(std::string_view text) {
  const std::string line = shown(text);
  if (line.find_first_of(",\"") == std::string::npos) return line;
  std::string cell = "\"";
  for (const char c : line) cell += c == '"' ? std::string("\"\"") : std::string(1, c);
  return cell + "\"";
}

std::string shown_json(std::string_view document) {
  return replaced(document, [](auto point, std::string_view bytes) -> std::string {
    if (!point || *point < 0x20)
      return std::string(bytes);  // white space between values; JSON strings hold none of these unescaped
    if (*point < 0x10000) return fmt::format("\\u{:04x}", *point);
    return fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + ((*point - 0x10000) >> 10), 0xdc00 + (*point & 0x3ff));
  });
}

}  // namespace metalearn
