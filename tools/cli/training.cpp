#include "tools/cli/training.hpp"

#include <fmt/format.h>

#include <chrono>

#include "metalearn/report/text.hpp"
#include "metalearn/snapshots/trained_theta.hpp"
#include "tools/cli/progress.hpp"
#include "tools/cli/say.hpp"
#include "tools/cli/signals.hpp"

namespace tools {

int run_training(metalearn::Trainer& trainer, const std::string& directory) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto first_update = trainer.update();
  std::int64_t dropped = 0;
  double disk_wait = 0;
  if (const std::string plan = trainer.memory_plan(); !plan.empty()) {
    say_text(plan + "\n");
    flush_words();  // an unroll may take hours
  }
  {
    ProgressLine line;
    line.status(fmt::format("update {}/{}", first_update, trainer.config().updates));
    const auto show = [&](const metalearn::Progress& progress) {
      dropped += progress.dropped;
      disk_wait += progress.disk_wait;
      line.show(progress);
      return stop_signal() == 0;
    };
    trainer.run(show, [] { return stop_signal() != 0; });
  }

  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const bool finished = trainer.update() >= trainer.config().updates;
  say("{} after {} of {} updates ({} of them now, in {})\n", finished ? "finished" : "stopped",
      trainer.update(), trainer.config().updates, trainer.update() - first_update, duration(seconds));
  if (dropped > 0) say("dropped: {} windows became non-finite; see log.csv\n", dropped);
  if (trainer.config().disk > 0) say("waited for states on disk: {:.1f} s\n", disk_wait);
  say("newest snapshot: {}\n", trainer.newest_snapshot());
  if (const std::string best = metalearn::load_trained_theta(directory).file;
      best != trainer.newest_snapshot())
    say("best on meta-validation tasks: {}\n", best);
  if (const std::string why = trainer.lost_progress(); !why.empty())
    say("window progress was lost: {}\n", why);
  if (finished)
    say("next: metalearn eval --theta {} --held-out\n", metalearn::report::shell_word(directory));
  else
    say("next: metalearn resume {}{}\n", metalearn::report::shell_word(directory),
        trainer.has_progress() ? ", which also resumes the unfinished windows" : "");
  forgive_unwritten();  // the run directory is the result
  return finished ? 0 : 128 + stop_signal();
}

}  // namespace tools
