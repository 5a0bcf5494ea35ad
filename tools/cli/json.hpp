// Json: how commands print for other programs: keys in the order written, numbers that are none as null.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

// Made once, in json.cpp: most of the time of compiling a command was this.
extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace tools {

using Json = nlohmann::ordered_json;

Json number(double value);

/// Names from files may hold any bytes: what is not UTF-8 is replaced, what a terminal would obey stands as
/// an escape of JSON.
std::string to_text(const Json& value);

void print_json(const Json& value);

}  // namespace tools
