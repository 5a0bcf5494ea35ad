// reproduce: reruns part of a run and compares bits.
#include <fmt/format.h>

#include "checkpoints/error.hpp"
#include "metalearn/train/reproduction.hpp"
#include "tools/cli/config_source.hpp"
#include "tools/cli/diff_lines.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/progress.hpp"
#include "tools/cli/say.hpp"
#include "tools/cli/signals.hpp"
#include "tools/cli/temporary_folder.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

constexpr long long kMaxUpdate = 99999999;

metalearn::Reproduction rerun(const std::string& run, const metalearn::Stretch& stretch) {
  const TemporaryFolder scratch("reproduce");
  ProgressLine line;
  const auto show = [&](const metalearn::Progress& progress) {
    line.show(progress);
    return true;
  };
  return metalearn::reproduce(run, stretch, scratch.path(), show, [] { return stop_signal() != 0; });
}

void print(const metalearn::Reproduction& r) {
  for (const auto& g : r.compared) {
    say("generation {}: {}\n", g.generation, g.diff.same() ? "same bits" : "differs");
    print_differences(g.diff.differences);
  }
  if (r.metrics.compared > 0 && r.metrics.differences.empty())
    say("metrics.csv: {} rows, the same\n", r.metrics.compared);
  print_differences(r.metrics.differences);
}

Json report(const metalearn::Reproduction& r) {
  Json generations = Json::array();
  for (const auto& g : r.compared)
    generations.push_back({{"generation", g.generation},
                           {"same", g.diff.same()},
                           {"differences", to_json(g.diff.differences)},
                           {"notes", to_json(g.diff.notes)}});
  return {{"from", r.from},
          {"to", r.to},
          {"same", r.same() && !r.stopped},
          {"stopped", r.stopped},
          {"generations", generations},
          {"rows", r.metrics.compared},
          {"row_differences", to_json(r.metrics.differences)},
          {"notes", r.notes}};
}

Usage make_usage() {
  Usage usage{
      "metalearn reproduce RUN [--from GENERATION] [--to GENERATION] [--threads N] [--data NAME=DIR ...] "
      "[--json]",
      "Reruns part of a run from one of its snapshots, in a temporary folder, and compares the result bit by "
      "bit with later snapshots and rows of metrics. Needs no lock.",
      {{"from", "GENERATION",
        "snapshot to start from (the number in its name; metalearn inspect RUN lists all)", "the oldest"},
       {"to", "GENERATION", "last snapshot to compare with", "the newest"}},
      "RUN",
      "Exit code 0: the same bits; 1: different bits, the first differing generation is printed; "
      "129/130/143: stopped by a signal. TMPDIR sets the place of the temporary folder."};
  for (auto& option : config_options())
    if (option.name == "threads") option.fallback = "as in the run", usage.options.push_back(option);
  usage.options.push_back(moved_data_option());
  usage.options.push_back({"json", "", "print JSON"});
  return usage;
}

int run(const Words& words) {
  const Usage usage = make_usage();
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  const std::string& run = arguments->word;
  if (run.empty()) throw checkpoints::UsageError("no run directory; usage: " + usage.synopsis);
  metalearn::Stretch stretch;
  if (arguments->has("from")) stretch.from = arguments->whole("from", 0, 0, kMaxUpdate);
  if (arguments->has("to")) stretch.to = arguments->whole("to", 0, 0, kMaxUpdate);
  if (const auto threads = arguments->find("threads")) {
    metalearn::Config asked;
    set_option(asked, "threads", *threads);
    stretch.threads = asked.threads;
  }
  stretch.data = named_data(*arguments, "data");
  require_input(run, "a run directory");

  watch_signals();
  const auto r = rerun(run, stretch);
  if (arguments->has("json"))
    print_json(report(r));
  else
    print(r);
  if (r.stopped) {
    if (!arguments->has("json")) say("stopped before everything was compared\n");
    return 128 + stop_signal();
  }
  if (!arguments->has("json")) {
    if (r.same())
      say("reproduced: updates {} to {} give the same bits\n", r.from + 1, r.to);
    else
      say("not reproduced: the first difference is printed above\n");
  }
  return r.same() ? 0 : 1;
}

}  // namespace

extern const Command kReproduce{"reproduce", "rerun part of a run and compare bits", make_usage, run};

}  // namespace tools
