// Report: a run as one HTML page. Reads only, takes no lock.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace metalearn::report {

struct Written {
  std::string html;
  std::size_t figures = 0;
  bool drawn = false;              ///< false: tables replace the figures
  std::vector<std::string> notes;  ///< warnings, one line each: what could not be read or drawn
};

/// Throws checkpoints::NoInput if the folder does not exist or is not a run directory.
Written make_report(const std::string& run_directory);

}  // namespace metalearn::report
