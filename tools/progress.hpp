// ProgressLine: how far a run is: one live line on a terminal, one plain line every 10 seconds elsewhere, always on stderr.
//
// One thread.
#pragma once
#include <chrono>
#include <string>

#include "metalearn/outer/trainer.hpp"

namespace tools {

/// 75 -> "1m15s", 7300 -> "2h01m".
std::string duration(double seconds);

class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();  ///< ends the live line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const metalearn::Progress& progress);
  /// A line of its own, above the live line.
  void note(const std::string& line);

 private:
  using Clock = std::chrono::steady_clock;
  void clear();

  bool live_;               ///< stderr is a terminal that can rewrite a line
  bool drawn_ = false;      ///< a live line is on the screen
  Clock::time_point last_;  ///< when a line was last written
  bool first_ = true;
  double rate_ = 0;         ///< updates per second, moving average
};

}  // namespace tools
