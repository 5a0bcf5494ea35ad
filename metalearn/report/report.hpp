// Report: a run as one page. Reads only, takes no lock.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace metalearn::report {

struct Written {
  std::string html;
  std::size_t figures = 0;
  bool drawn = false;  ///< false: tables stand in for the figures
  std::vector<std::string>
      notes;  ///< what a user should know, one line each: what could not be read or drawn
};

/// Throws checkpoints::NoInput where the folder is not there, or no run directory.
Written make_report(const std::string& run_directory);

}  // namespace metalearn::report
