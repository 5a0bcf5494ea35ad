// resume: continues a run exactly where it stopped.
#include <fmt/format.h>

#include "checkpoints/error.hpp"
#include "tools/commands.hpp"
#include "tools/options.hpp"
#include "tools/theta_file.hpp"
#include "tools/training.hpp"

namespace tools {

int resume(const Words& words) {
  const Usage usage{"metalearn resume DIR [--updates N] [--threads N]",
                    "Continues a run from its newest snapshot, with the same bits as if it had never stopped.",
                    {{"updates", "N", "updates of theta in all, those done included; 1 .. 1000000000", "as the run was started"},
                     {"threads", "N", "threads; 0: all cores (the result does not depend on it); 0 .. 4096", "as the run was started"}},
                    "DIR"};
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  if (arguments->word.empty()) throw checkpoints::UsageError("no run directory; usage: " + usage.synopsis);
  std::optional<std::int64_t> updates;
  std::optional<int> threads;
  if (arguments->has("updates")) updates = arguments->whole("updates", 0, 1, 1000000000);
  if (arguments->has("threads")) threads = static_cast<int>(arguments->whole("threads", 0, 0, 4096));

  newest_snapshot(arguments->word);  // throws, before a lock is left in a folder that is no run
  const auto trainer = metalearn::Trainer::resume(arguments->word, updates, threads);
  if (trainer->update() >= trainer->config().updates) {
    fmt::print("finished already: {} of {} updates; more with metalearn resume {} --updates N\n", trainer->update(), trainer->config().updates, arguments->word);
    return 0;
  }
  return run_training(*trainer, arguments->word);
}

}  // namespace tools
