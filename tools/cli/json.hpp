// Json: how commands print for other programs: keys in the order written, non-finite numbers as null.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

// Instantiated once, in json.cpp: it took most of the compile time of a command.
extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace tools {

using Json = nlohmann::ordered_json;

Json number(double value);

/// Names from files may hold any bytes: invalid UTF-8 is replaced, control characters are written as JSON
/// escapes.
std::string to_text(const Json& value);

void print_json(const Json& value);

}  // namespace tools
