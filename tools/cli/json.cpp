#include "tools/cli/json.hpp"

#include <cmath>

#include "metalearn/base/shown_text.hpp"
#include "tools/cli/say.hpp"

template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace tools {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

std::string to_text(const Json& value) {
  return metalearn::shown_json(value.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

void print_json(const Json& value) { say_text(to_text(value)); }

}  // namespace tools
