// vectors: recomputes a file of reference vectors in float64 and compares.
#include <fmt/format.h>

#include "checkpoints/error.hpp"
#include "metalearn/steps/reference_vectors.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/say.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

Usage make_usage() {
  return {"metalearn vectors FILE.h5 [--json]",
          "Recomputes the content of a file of reference vectors in float64 and prints the worst relative "
          "error of each group.",
          {{"json", "", "print JSON"}},
          "FILE.h5",
          "Exit code 0: all agree; 1: some don't; 65: not a file of reference vectors."};
}

int run(const Words& words) {
  const Usage usage = make_usage();
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  if (arguments->word.empty()) throw checkpoints::UsageError("no file; usage: " + usage.synopsis);

  require_input(arguments->word, "a file of reference vectors (*.h5)");
  const auto report = metalearn::check_reference_vectors(arguments->word);
  if (arguments->has("json")) {
    Json groups = Json::array();
    for (const auto& g : report.groups)
      groups.push_back({{"group", g.name},
                        {"worst_relative_error", number(g.worst)},
                        {"worst_array", g.worst_array},
                        {"tolerance", g.tolerance},
                        {"ok", g.ok}});
    print_json({{"file", arguments->word},
                {"configuration", report.configuration},
                {"ok", report.ok},
                {"groups", groups}});
    return report.ok ? 0 : 1;
  }
  say("{}\n{}\n\n{:<20}{:>12}{:>12}  {:<5}  {}\n", arguments->word, report.configuration, "group",
      "worst error", "tolerance", "", "worst array");
  for (const auto& g : report.groups)
    say("{:<20}{:>12.2e}{:>12.0e}  {:<5}  {}\n", g.name, g.worst, g.tolerance, g.ok ? "ok" : "WRONG",
        g.worst_array);
  say("\n{}\n", report.ok ? "all agree" : "some do not agree");
  return report.ok ? 0 : 1;
}

}  // namespace

extern const Command kVectors{"vectors", "compare with a file of reference vectors", make_usage, run};

}  // namespace tools
