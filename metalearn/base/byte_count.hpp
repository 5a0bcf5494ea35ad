// ByteCount: parses and prints amounts of memory: 67108864, 64MiB, 2GB, 1.5GiB.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace metalearn {

/// Nothing if the text is not an amount from 1 byte to 1 EiB.
std::optional<std::uint64_t> bytes_from(const std::string& text);

/// "64.0 MiB".
std::string show_bytes(std::uint64_t bytes);

}  // namespace metalearn
