// train: starts a run.
#include <fmt/format.h>

#include "checkpoints/error.hpp"
#include "tools/cli/config_source.hpp"
#include "tools/cli/progress.hpp"
#include "tools/cli/say.hpp"
#include "tools/cli/signals.hpp"
#include "tools/cli/training.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

/// Null if a signal stopped the preparation.
std::unique_ptr<metalearn::Trainer> start(const metalearn::Config& config, const std::string& directory) {
  ProgressLine line;
  const auto show = [&](const metalearn::Progress& progress) {
    for (const auto& event : progress.events) line.status(event.text);
    return true;
  };
  return metalearn::Trainer::start(config, directory, show, [] { return stop_signal() != 0; });
}

Usage make_usage() {
  Usage usage{"metalearn train --run DIR [--preset NAME] [--data NAME[=DIR] ...] [options]",
              "Meta-trains an update rule (theta) into a run directory.",
              {{"run", "DIR", "run directory, made if missing: snapshots (*.h5), metrics.csv"},
               {"config", "FILE",
                "lines 'key = value' (# comments) or a JSON object, such as a run's config.json; keys are "
                "the options below"}}};
  for (auto& option : config_options()) usage.options.push_back(std::move(option));
  usage.notes =
      "--memory covers windows (states, tapes, the steps' own arenas), in-flight tasks, gradients and "
      "snapshots; the program itself and data sets are extra. It sets how many windows run at once and never "
      "changes bits; exit code 71 names the smallest budget that works.\n"
      "--estimator es and pes keep no tape: they accept neither --memory nor --telemetry, and an interrupted "
      "window starts again. pes carries 2 x --es-pairs states per in-flight task (also in snapshots); its "
      "objectives are means over them.\n"
      "Defaults in brackets are for --preset small. Command line > environment "
      "(METALEARN_INNER_RATE=0.01) > file > preset.\n"
      "If a source gives only one of two bounds, the other one follows. Given without --in-flight, --tasks "
      "sets --in-flight to four times its value.";
  return usage;
}

int run(const Words& words) {
  const auto arguments = parse(make_usage(), words);
  if (!arguments) return 0;
  const auto run = arguments->find("run");
  if (!run || run->empty()) throw checkpoints::UsageError("no run directory; give --run DIR");
  const auto config = resolve_config(*arguments, {"run"});

  if (config.preset == "paper-tasks" && config.data == std::vector<std::string>{"glyph"})
    say(stderr,
        "note: trains only on glyphs; the paper's tasks are made of CIFAR-10, ImageNet classes and glyphs: "
        "--data cifar10=DIR --data imagenet=FILE --data glyph\n");
  watch_signals();
  const auto trainer = start(config, *run);
  if (trainer) return run_training(*trainer, *run);
  say("stopped during preparation: nothing was saved\n");
  forgive_unwritten();
  return 128 + stop_signal();
}

}  // namespace

extern const Command kTrain{"train", "meta-train an update rule (theta) into a run directory", make_usage,
                            run};

}  // namespace tools
