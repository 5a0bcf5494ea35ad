// Json: how commands print for other programs: keys in the order written, numbers that are none as null.
#pragma once
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/cli/say.hpp"

namespace tools {

using Json = nlohmann::ordered_json;

inline Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

/// Names from files may hold any bytes: what is not UTF-8 is replaced, what a terminal would obey stands as
/// an escape of JSON.
inline std::string to_text(const Json& value) {
  return metalearn::shown_json(value.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

inline void print_json(const Json& value) { say_text(to_text(value)); }

}  // namespace tools
