#include "metalearn/report/text.hpp"

#include "checkpoints/utf8.hpp"

namespace metalearn::report {

std::string clean(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    const auto point = checkpoints::next_code_point(text, end);
    if (!point || end == at) end = at + 1;
    const bool is_control =
        point &&
        (*point < 0x20 || (*point >= 0x7f && *point < 0xa0) || *point == 0xfffe || *point == 0xffff ||
         (*point >= 0xe000 && *point < 0xe010));  // the last: gnuplot_script.cpp's own
    if (point && !is_control)
      out.append(text, at, end - at);
    else
      out += '?';
    at = end;
  }
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
