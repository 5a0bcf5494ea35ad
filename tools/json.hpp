// Json: how commands print for other programs: keys in the order written, numbers that are none as null.
#pragma once
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace tools {

using Json = nlohmann::ordered_json;

inline Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

/// Names from files may hold any bytes: what is not UTF-8 is replaced.
inline void print_json(const Json& value) { fmt::print("{}\n", value.dump(2, ' ', false, Json::error_handler_t::replace)); }

}  // namespace tools
