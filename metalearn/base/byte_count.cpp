#include "metalearn/base/byte_count.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace metalearn {

namespace {

constexpr double kLargest = 1152921504606846976.0;  // 1 EiB

const std::array<std::pair<const char*, double>, 10> kUnits{{{"", 1},
                                                             {"B", 1},
                                                             {"KiB", 0x1p10},
                                                             {"MiB", 0x1p20},
                                                             {"GiB", 0x1p30},
                                                             {"TiB", 0x1p40},
                                                             {"kB", 1e3},
                                                             {"MB", 1e6},
                                                             {"GB", 1e9},
                                                             {"TB", 1e12}}};

}  // namespace

std::optional<std::uint64_t> bytes_from(const std::string& text) {
  const std::size_t digits = text.find_first_not_of("0123456789.");
  const std::string figures = text.substr(0, digits),
                    unit = digits == std::string::npos ? "" : text.substr(digits);
  char* end = nullptr;
  const double amount = std::strtod(figures.c_str(), &end);
  for (const auto& [name, bytes] : kUnits)
    if (unit == name && !figures.empty() && *end == '\0' && amount * bytes >= 1 && amount * bytes <= kLargest)
      return static_cast<std::uint64_t>(amount * bytes);
  return {};
}

std::string show_bytes(std::uint64_t bytes) {
  const auto amount = static_cast<double>(bytes);
  for (const auto& [name, unit] :
       {std::pair{"GiB", 0x1p30}, std::pair{"MiB", 0x1p20}, std::pair{"KiB", 0x1p10}})
    if (amount >= unit) return fmt::format("{:.1f} {}", amount / unit, name);
  return fmt::format("{} B", bytes);
}

}  // namespace metalearn
