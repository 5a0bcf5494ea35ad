// train: starts a run.
#include "checkpoints/error.hpp"
#include "tools/commands.hpp"
#include "tools/config_source.hpp"
#include "tools/training.hpp"

namespace tools {

int train(const Words& words) {
  Usage usage{"metalearn train --run DIR [--preset NAME] [--data NAME[=DIR] ...] [options]", "Meta-trains an update rule (theta) into a run directory.",
              {{"run", "DIR", "run directory, made if missing: snapshots (*.h5), metrics.csv"},
               {"config", "FILE", "lines 'key = value' (# comments) or a JSON object; keys are the options below"}}};
  for (auto& option : config_options()) usage.options.push_back(std::move(option));
  usage.notes =
      "Defaults in brackets are those of --preset small. Command line > environment (METALEARN_INNER_RATE=0.01) > file > preset.\n"
      "Of two bounds of which only one is given, the other follows it.";
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  const auto run = arguments->find("run");
  if (!run || run->empty()) throw checkpoints::UsageError("no run directory; give --run DIR");
  const auto config = resolve_config(*arguments);
  return run_training(*metalearn::Trainer::start(config, *run), *run);
}

}  // namespace tools
