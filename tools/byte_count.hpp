// ByteCount: amounts of memory as people write them: 67108864, 64MiB, 2GB, 1.5GiB.
#pragma once
#include <cstdint>
#include <string>

namespace tools {

/// Throws UsageError naming the option where the text is no amount of 1 byte to 1 EiB.
std::uint64_t parse_bytes(const std::string& option, const std::string& text);

/// "64.0 MiB".
std::string show_bytes(std::uint64_t bytes);

}  // namespace tools
