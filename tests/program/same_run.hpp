// Compares two runs: the arrays of their newest snapshots, and the rows of their metrics.csv.
#pragma once
#include "checkpoints/snapshot_file.hpp"
#include "program_fixture.hpp"

namespace program_test {

/// Everything that the next update depends on: all arrays of a run's newest snapshot.
inline std::map<std::string, checkpoints::Array> arrays(const fs::path& run) {
  const auto found = snapshots(run);
  REQUIRE(!found.empty());
  return checkpoints::load_snapshot(found.back().string()).arrays();
}

/// metrics.csv without its last column, the seconds.
inline std::string metrics(const fs::path& run) {
  std::istringstream lines(slurp(run / "metrics.csv"));
  std::string kept;
  for (std::string line; std::getline(lines, line);) kept += line.substr(0, line.rfind(',')) + "\n";
  return kept;
}

}  // namespace program_test
