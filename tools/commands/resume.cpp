// resume: continues a run exactly where it stopped.
#include <fmt/format.h>

#include <filesystem>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "tools/cli/config_source.hpp"
#include "tools/cli/say.hpp"
#include "tools/cli/signals.hpp"
#include "tools/cli/training.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

/// Checked first, so that no lock is left in a folder that is not a run.
void require_run(const std::string& directory) {
  if (std::filesystem::exists(directory) && !std::filesystem::is_directory(directory))
    throw checkpoints::NoInput(fmt::format(
        "{}: is a file, not a run directory; name the directory: metalearn resume DIR", directory));
  if (checkpoints::list_snapshots(directory).empty())
    throw checkpoints::NoInput(fmt::format(
        "{0}: holds no snapshots; name a run directory, or start one with metalearn train --run {0}",
        directory));
}

Usage make_usage() {
  return {"metalearn resume DIR [--updates N] [options]",
          "Continues a run from its newest snapshot, including long windows that were interrupted, with the "
          "same bits as if it had never stopped.",
          resume_options(), "DIR"};
}

int run(const Words& words) {
  const Usage usage = make_usage();
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  const std::string& directory = arguments->word;
  if (directory.empty()) throw checkpoints::UsageError("no run directory; usage: " + usage.synopsis);
  const metalearn::ConfigChanges changes = resume_changes(*arguments);
  require_run(directory);

  watch_signals();
  const auto trainer = metalearn::Trainer::resume(directory, changes);
  if (const auto done = trainer->update(), wanted = trainer->config().updates; done >= wanted) {
    say("finished already: {} updates are done, {} were requested; to train further: metalearn resume {} "
        "--updates N, "
        "with N above {}\n",
        done, wanted, directory, done);
    forgive_unwritten();
    return 0;
  }
  return run_training(*trainer, directory);
}

}  // namespace

extern const Command kResume{"resume", "continue a run exactly where it stopped", make_usage, run};

}  // namespace tools
