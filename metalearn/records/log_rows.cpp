#include "metalearn/records/log_rows.hpp"

#include "metalearn/base/shown_text.hpp"

namespace metalearn {

std::string log_rows_header() { return "update,event\n"; }

std::string log_rows(std::int64_t update, const std::vector<Event>& events) {
  std::string text;
  for (const auto& event : events) {
    text += std::to_string(update) + ",\"";
    for (const char c : shown(event.text)) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    text += "\"\n";
  }
  return text;
}

}  // namespace metalearn
