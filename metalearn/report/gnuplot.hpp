// Gnuplot: runs gnuplot as a process.
#pragma once
#include <chrono>
#include <optional>
#include <string>

namespace metalearn::report {

struct Drawing {
  std::string out, err;    ///< its output
  bool done = false;       ///< it ended with exit status 0
  bool timed_out = false;  ///< it took too long and was killed
};

/// Runs gnuplot, found on PATH, on a script; none if it is not installed. Leaves no files. Kills it after
/// `limit`: all figures of a report take it a second or two. Throws checkpoints::IoError if no process or
/// memory is available.
std::optional<Drawing> run_gnuplot(const std::string& script,
                                   std::chrono::milliseconds limit = std::chrono::minutes(1));

}  // namespace metalearn::report
