// Runner: meta-gradient steps on several threads, by tasks (every thread has its own step) or by neurons (one
// step, its loops spread over the threads).
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "bench/presets.hpp"

namespace bench {

enum class By { tasks, neurons };
std::string to_string(By by);
/// Throws checkpoints::UsageError naming both.
By by_from(const std::string& name);

class Runner {
 public:
  /// Records, compiles and runs twice, so that every page is mapped.
  Runner(const Preset& preset, int threads, By by);

  /// Milliseconds per inner step of each of `rounds` rounds. By tasks, a round is one step of every thread
  /// and lasts as long as the slowest; its time is divided by the number of threads.
  std::vector<double> run(std::size_t rounds);

  std::size_t arena_bytes() const;  ///< predicted by the plans, all tasks together
  std::size_t tape_bytes() const;   ///< of one step

 private:
  std::vector<std::unique_ptr<Turn>> turns_;
};

/// Peak resident memory of this process (VmHWM).
std::size_t peak_rss_bytes();

}  // namespace bench
