// ProgressLine: the progress of a run on stderr: one live line on a terminal, redrawn every second; elsewhere
// one plain line every 10 seconds.
//
// Any number of threads may report to it.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "metalearn/train/trainer.hpp"

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
  /// What the program does before there is progress to show.
  void status(const std::string& what);

 private:
  using Clock = std::chrono::steady_clock;
  using Text = std::function<std::string(double age)>;  ///< the line, `age` seconds after it was told

  // All REQUIRE mutex_ held.
  void tell(Text text, bool at_once);
  void draw(Clock::duration at_least);  ///< unless the last line is younger than that
  void note(const std::string& line);   ///< a line of its own, above the live line
  void clear();

  const bool live_;  ///< stderr is a terminal that can rewrite a line
  std::mutex mutex_;
  std::condition_variable_any ended_;
  Text text_;
  Clock::time_point told_, drawn_at_;
  bool drawn_ = false;  ///< a live line is on the screen
  bool first_ = true;   ///< nothing was shown yet
  double rate_ = 0;     ///< updates per second, moving average
  std::jthread clock_;  ///< redraws; the last member, so that it ends first
};

}  // namespace tools
