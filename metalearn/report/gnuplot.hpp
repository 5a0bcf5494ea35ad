// Gnuplot: the process that draws.
#pragma once
#include <chrono>
#include <optional>
#include <string>

namespace metalearn::report {

struct Drawing {
  std::string out, err;    ///< what it wrote
  bool done = false;       ///< it ran to its end, and called that a success
  bool timed_out = false;  ///< it was ended, as it took too long
};

/// Runs gnuplot, found on PATH, on a script; nothing where there is none. No file is left behind. After
/// `limit` it is killed: all figures of a report take it a second or two. Throws checkpoints::IoError where
/// no process or memory is to be had.
std::optional<Drawing> run_gnuplot(const std::string& script,
                                   std::chrono::milliseconds limit = std::chrono::minutes(1));

}  // namespace metalearn::report
