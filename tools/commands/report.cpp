// report: a run as one page with figures.
#include <fmt/format.h>

#include "checkpoints/error.hpp"
#include "metalearn/report/report.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/output_file.hpp"
#include "tools/cli/say.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

Usage make_usage() {
  return {"metalearn report RUN [--out FILE.html]",
          "Writes a run's report: one self-contained page with all figures, without network access or "
          "scripts. For missing results the page names the command that adds them.",
          {{"out", "FILE.html", "the page to write", "RUN/report.html"}, force_option()},
          "RUN",
          "Shows metrics.csv, evaluations.csv, and from RUN/evaluations: methods.json (metalearn "
          "eval --methods ... --out FILE), sweep-AXIS.json (metalearn sweep), "
          "features-NAME.h5 (metalearn apply).\n"
          "gnuplot draws the figures; without it the page has tables instead. Needs no lock: the run may be "
          "training."};
}

int run(const Words& words) {
  const Usage usage = make_usage();
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  const std::string& run = arguments->word;
  if (run.empty()) throw checkpoints::UsageError("no run directory; usage: " + usage.synopsis);
  require_input(run, "a run directory");
  const OutputFile out = optional_output(*arguments, kReportPage, "out", run + "/report.html");

  const auto written = metalearn::report::make_report(run);
  for (const auto& note : written.notes) say(stderr, "note: {}\n", note);
  try {
    out.write(written.html);
  } catch (const checkpoints::IoError& e) {
    if (arguments->has("out")) throw;
    throw checkpoints::IoError(std::string(e.what()) + " (or write the page elsewhere: --out FILE.html)");
  }
  say("written: {} ({} figures{}, {:.2f} MB)\n", out.path(), written.figures,
      written.drawn ? "" : ", as tables", static_cast<double>(written.html.size()) / 1e6);
  return 0;
}

}  // namespace

extern const Command kReport{"report", "a run as one page with figures", make_usage, run};

}  // namespace tools
