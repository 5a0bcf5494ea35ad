#include "metalearn/base/word_list.hpp"

namespace metalearn {

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> entries;
  if (text.empty()) return entries;
  entries.emplace_back();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ',')
      entries.back() += text[++i];
    else if (text[i] == ',')
      entries.emplace_back();
    else if (text[i] == ' ' && entries.back().empty())
      continue;  // "a, b"
    else
      entries.back() += text[i];
  }
  return entries;
}

std::string join_list(const std::vector<std::string>& entries) {
  std::string text;
  for (const auto& e : entries) {
    if (!text.empty()) text += ',';
    for (const char ch : e) {
      if (ch == ',') text += '\\';
      text += ch;
    }
  }
  return text;
}

}  // namespace metalearn
