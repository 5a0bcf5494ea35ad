#include "tools/training.hpp"

#include <fmt/format.h>

#include <chrono>

#include "tools/progress.hpp"
#include "tools/signals.hpp"
#include "tools/theta_file.hpp"

namespace tools {

int run_training(metalearn::Trainer& trainer, const std::string& directory) {
  using Clock = std::chrono::steady_clock;
  watch_signals();
  const auto start = Clock::now();
  const auto first_update = trainer.update();
  std::int64_t dropped = 0;
  {
    ProgressLine line;
    trainer.run([&](const metalearn::Progress& progress) {
      dropped += progress.dropped;
      line.show(progress);
      return stop_signal() == 0;
    });
  }

  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const bool finished = trainer.update() >= trainer.config().updates;
  fmt::print("{} after {} of {} updates ({} of them now, in {})\n", finished ? "finished" : "stopped", trainer.update(), trainer.config().updates,
             trainer.update() - first_update, duration(seconds));
  if (dropped > 0) fmt::print("dropped: {} windows turned non-finite; see metrics.csv\n", dropped);
  fmt::print("newest snapshot: {}\n", newest_snapshot(directory));
  if (const std::string best = best_snapshot(directory); best != newest_snapshot(directory)) fmt::print("best on held-out tasks: {}\n", best);
  if (finished) fmt::print("next: metalearn eval --theta {} --held-out\n", directory);
  else fmt::print("next: metalearn resume {}\n", directory);
  return finished ? 0 : 128 + stop_signal();
}

}  // namespace tools
