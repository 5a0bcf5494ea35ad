// Overlap: was a data set trained on? Compares the checksums of its files, not their names. Function without
// state.
#pragma once
#include <set>
#include <string>
#include <vector>

namespace metalearn {

/// The lines of `evaluated` (Dataset::provenance) whose "crc32 XXXXXXXX" some line of `trained` has too.
inline std::vector<std::string> shared_files(const std::vector<std::string>& trained,
                                             const std::vector<std::string>& evaluated) {
  constexpr std::size_t kBytes = 14;
  const auto checksum = [](const std::string& line) {
    const auto at = line.rfind("crc32 ");
    return at == std::string::npos ? std::string() : line.substr(at, kBytes);
  };
  std::set<std::string> known;
  for (const auto& line : trained) known.insert(checksum(line));
  known.erase("");
  std::vector<std::string> shared;
  for (const auto& line : evaluated)
    if (known.contains(checksum(line))) shared.push_back(line);
  return shared;
}

}  // namespace metalearn
