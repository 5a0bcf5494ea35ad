#include "metalearn/report/text.hpp"

#include <string_view>

#include "metalearn/base/shown_text.hpp"

namespace metalearn::report {

std::string clean(const std::string& text) {
  // Private Unicode characters whose last byte is in 80 .. 8f: used by gnuplot_script.cpp.
  constexpr std::string_view kOwn = "\xee\x80";
  std::string out = shown(text);
  for (std::size_t at = 0; (at = out.find(kOwn, at)) != std::string::npos; ++at)
    if (static_cast<unsigned char>(out[at + 2]) < 0x90) out.replace(at, 3, "?");
  return out;
}

std::string shell_word(const std::string& word) {
  if (!word.empty() &&
      word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./=,:+-@%") ==
          std::string::npos)
    return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace metalearn::report
