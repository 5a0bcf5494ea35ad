// verify: checks whether a run directory, or one snapshot, is whole.
#include <fmt/format.h>

#include <filesystem>

#include "checkpoints/error.hpp"
#include "metalearn/train/run_audit.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/say.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

constexpr int kDamaged = 65;

metalearn::RunAudit audit(const std::string& path) {
  if (std::filesystem::is_directory(path)) return metalearn::audit_run(path);
  return {{metalearn::audit_snapshot(path)}};
}

Usage make_usage() {
  return {"metalearn verify RUN|FILE [--json]",
          "Checks a snapshot, or all snapshots, manifest.json, config.json and metrics.csv of a "
          "run: checksums, structure, names, and whether the run can be resumed. Needs no lock.",
          {{"json", "", "print JSON"}},
          "RUN|FILE",
          "Exit code 0: whole; 65: something is damaged; 66: no such run or file. Notes (half-written files, "
          "rows after the newest snapshot) are not damage."};
}

int run(const Words& words) {
  const Usage usage = make_usage();
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  if (arguments->word.empty())
    throw checkpoints::UsageError("no run directory or snapshot; usage: " + usage.synopsis);
  require_input(arguments->word, "a run directory or a snapshot (*.h5)");
  const auto found = audit(arguments->word);

  if (arguments->has("json")) {
    Json findings = Json::array();
    for (const auto& f : found.findings)
      findings.push_back({{"file", f.file}, {"grade", to_string(f.grade)}, {"what", f.what}});
    print_json({{"path", arguments->word}, {"whole", found.whole()}, {"findings", findings}});
  } else {
    for (const auto& f : found.findings) say("{:<8} {}: {}\n", to_string(f.grade), f.file, f.what);
    say("{}\n", found.whole() ? "whole" : "damaged");
  }
  return found.whole() ? 0 : kDamaged;
}

}  // namespace

extern const Command kVerify{"verify", "check whether a run directory or a snapshot is whole", make_usage,
                             run};

}  // namespace tools
