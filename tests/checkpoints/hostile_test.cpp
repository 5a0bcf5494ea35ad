// Snapshots that somebody made to do harm: every checksum in them is right, the user block's and HDF5's own.
// All are refused as bad data, for the reason that is theirs.
#include <fstream>
#include <map>

#include "checkpoints/snapshot_file.hpp"
#include "fixture.hpp"

using namespace checkpoints;
using namespace checkpoints::test;

namespace {

std::map<std::string, std::string> reasons_in(const std::string& path) {
  std::map<std::string, std::string> reasons;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    reasons[line.substr(0, line.find(": "))] = line.substr(line.find(": ") + 2);
  return reasons;
}

}  // namespace

TEST_CASE(
    "hostile snapshots with right checksums are refused, each for its own reason, in one line that names the "
    "file") {
  TemporaryDirectory dir;
  python(dir, "import os, runpy\nos.chdir('" + dir.path() +
                  "')\nrunpy.run_path('" METALEARN_SOURCE "/tests/checkpoints/hostile.py')\n");
  CHECK(exit_code_of([&] { load_snapshot(dir / "whole.h5"); }) == 0);
  CHECK(load_snapshot(dir / "whole.h5").numbers<double>("chunks", {60})[59] == 59);
  int cases = 0;
  for (const auto& [name, reason] : reasons_in(dir / "reasons")) {
    if (name == "whole") continue;
    CAPTURE(name);
    std::string m;
    CHECK(exit_code_of([&] { load_snapshot(dir / (name + ".h5")); }, &m) == 65);
    CAPTURE(m);
    CHECK(m.find(dir / (name + ".h5")) == 0);
    CHECK(m.find(reason) != std::string::npos);
    CHECK(m.find('\n') == std::string::npos);
    ++cases;
  }
  CHECK(cases >= 100);
  MESSAGE(cases << " kinds of hostile snapshots");
}
