// diff: compares two snapshots, or two runs, bit by bit.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"
#include "metalearn/snapshots/state_diff.hpp"
#include "tools/cli/diff_lines.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/say.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

metalearn::RunSnapshot load(const std::string& path) {
  require_input(path, "a snapshot (*.h5) or a run directory");
  if (!std::filesystem::is_directory(path)) return metalearn::read_run_snapshot(path);
  std::vector<std::string> skipped;
  auto newest = metalearn::newest_run_snapshot(path, &skipped);
  for (const auto& line : skipped) say(stderr, "note: {}\n", line);
  return newest;
}

/// Only rows up to the snapshot: a run that is training has written later ones.
metalearn::MetricsDiff diff_rows(const std::string& a, const std::string& b, std::int64_t up_to) {
  const auto rows = [](const std::string& run) {
    return metalearn::parse_metrics(checkpoints::read_text(checkpoints::posix_file_system(),
                                                           run + "/metrics.csv", checkpoints::Links::refused)
                                        .value_or(""));
  };
  const auto of_a = rows(a), of_b = rows(b);
  auto found = metalearn::diff_metrics(of_a, of_b, 0, up_to);
  if (auto unmatched = metalearn::unmatched_row(of_a, of_b, up_to))
    found.differences.push_back(std::move(*unmatched));
  return found;
}

Usage make_usage() {
  return {
      "metalearn diff A B [--json]",
      "Compares two snapshots bit by bit, or two runs: the newest whole snapshot of each, and the rows of "
      "metrics.csv (without seconds) up to the older of the two.",
      {{"json", "", "print JSON"}},
      "A B",
      "Exit code 0: everything that the next update depends on is the same; 1: it is not, and the first ten "
      "differences are printed. Threads, updates, save-every, keep-newest, keep-every, the\n"
      "program's version and its kernel level are only noted."};
}

int run(const Words& words) {
  const Usage usage = make_usage();
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  if (arguments->words.size() != 2)
    throw checkpoints::UsageError("name two snapshots or run directories; usage: " + usage.synopsis);
  const auto &a = arguments->words[0], &b = arguments->words[1];
  const auto x = load(a), y = load(b);
  auto found = metalearn::diff_states(x, y);
  metalearn::MetricsDiff rows;
  if (std::filesystem::is_directory(a) && std::filesystem::is_directory(b))
    rows = diff_rows(a, b, std::min(x.generation, y.generation));
  found.differences.insert(found.differences.end(), rows.differences.begin(), rows.differences.end());

  if (arguments->has("json")) {
    print_json({{"a", x.path},
                {"b", y.path},
                {"same", found.same()},
                {"arrays", x.archive.arrays().size()},
                {"rows", rows.compared},
                {"differences", to_json(found.differences)},
                {"notes", to_json(found.notes)}});
    return found.same() ? 0 : 1;
  }
  say("{} against {}\n", x.path, y.path);
  for (const auto& note : found.notes) say("note: {}\n", metalearn::to_text(note));
  print_differences(found.differences);
  if (found.same())
    say("same bits: {} arrays{}\n", x.archive.arrays().size(),
        rows.compared > 0 ? fmt::format(", {} rows of metrics.csv", rows.compared) : "");
  return found.same() ? 0 : 1;
}

}  // namespace

extern const Command kDiff{"diff", "where two snapshots or runs differ, bit by bit", make_usage, run};

}  // namespace tools
