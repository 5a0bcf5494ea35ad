// resume: continues a run exactly where it stopped.
#include <fmt/format.h>

#include <algorithm>
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

/// Before a lock is left in a folder that is no run.
void require_run(const std::string& directory) {
  if (std::filesystem::exists(directory) && !std::filesystem::is_directory(directory))
    throw checkpoints::NoInput(
        fmt::format("{}: is a file; name the run directory that holds it: metalearn resume DIR", directory));
  if (checkpoints::list_snapshots(directory).empty())
    throw checkpoints::NoInput(fmt::format(
        "{0}: holds no snapshots; name a run directory, or start one with metalearn train --run {0}",
        directory));
}

std::vector<Option> resume_options() {
  std::vector<Option> options = config_options();
  const auto& keys = metalearn::resumable_keys();
  std::erase_if(options, [&](const Option& o) { return std::count(keys.begin(), keys.end(), o.name) == 0; });
  for (auto& option : options) {
    option.fallback = "as the run was started";
    if (option.name == "data") option = moved_data_option();
  }
  return options;
}

}  // namespace

int resume(const Words& words) {
  const Usage usage{
      "metalearn resume DIR [--updates N] [--threads N] [--memory BYTES] [--disk BYTES --disk-dir DIR] "
      "[--telemetry true] [--tensorboard true] [--journal-every SECONDS] [--data NAME=DIR ...] [--eval-data "
      "NAME=DIR ... --eval-every N]",
      "Continues a run from its newest snapshot, and within long windows that were interrupted, with the "
      "same bits as if it had never stopped.",
      resume_options(), "DIR"};
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  const std::string& directory = arguments->word;
  if (directory.empty()) throw checkpoints::UsageError("no run directory; usage: " + usage.synopsis);
  metalearn::Config scratch;
  metalearn::ConfigChanges changes;
  for (const char* option : {"data", "eval-data"})
    if (const auto named = named_data(*arguments, option)) changes[option] = *named;
  for (const auto& [name, value] : arguments->given) {
    if (changes.contains(name)) continue;
    set_option(scratch, name, value);
    changes[name] = name == "disk-dir" && !scratch.disk_dir.empty() ? absolute_folder(value) : value;
  }
  require_run(directory);

  watch_signals();
  const auto trainer = metalearn::Trainer::resume(directory, changes);
  if (const auto done = trainer->update(), wanted = trainer->config().updates; done >= wanted) {
    say("finished already: {} updates are done, {} in all were asked for; for more: metalearn resume {} "
        "--updates N, N above {}\n",
        done, wanted, directory, done);
    return 0;
  }
  return run_training(*trainer, directory);
}

}  // namespace tools
