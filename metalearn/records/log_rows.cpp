#include "metalearn/records/log_rows.hpp"

namespace metalearn {

std::string log_rows_header() { return "update,event\n"; }

std::string log_rows(std::int64_t update, const std::vector<std::string>& events) {
  std::string text;
  for (const auto& event : events) {
    text += std::to_string(update) + ",\"";
    for (const char c : event) text += c == '"' ? "\"\"" : c == '\n' ? " " : std::string(1, c);
    text += "\"\n";
  }
  return text;
}

}  // namespace metalearn
