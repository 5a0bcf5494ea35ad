#include "metalearn/records/event.hpp"

#include <algorithm>

namespace metalearn {

std::vector<Event> events_of(EventKind kind, const std::vector<std::string>& texts) {
  std::vector<Event> events;
  for (const auto& text : texts) events.push_back({kind, text});
  return events;
}

std::string first_text(const std::vector<Event>& events, EventKind kind) {
  const auto found =
      std::find_if(events.begin(), events.end(), [&](const Event& e) { return e.kind == kind; });
  return found == events.end() ? "" : found->text;
}

}  // namespace metalearn
