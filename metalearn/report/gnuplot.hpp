// Gnuplot: the process that draws.
#pragma once
#include <optional>
#include <string>

namespace metalearn::report {

struct Drawing {
  std::string out, err;  ///< what it wrote
  bool done = false;     ///< it ran to its end without complaint
};

/// Runs gnuplot, found on PATH, on a script; nothing where there is none. No file is left behind. Throws checkpoints::IoError where no process or memory is to be had.
std::optional<Drawing> run_gnuplot(const std::string& script);

}  // namespace metalearn::report
