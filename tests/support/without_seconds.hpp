// The rows of metrics.csv without their last column, the only one that differs between equal trainings.
#pragma once
#include <sstream>
#include <string>

namespace support {

inline std::string without_seconds(const std::string& csv) {
  std::istringstream in(csv);
  std::string out;
  for (std::string line; std::getline(in, line);) out += line.substr(0, line.rfind(',')) + "\n";
  return out;
}

}  // namespace support
