#include "metalearn/train/run_audit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "checkpoints/error.hpp"
#include "checkpoints/manifest.hpp"
#include "checkpoints/run_directory.hpp"
#include "metalearn/config/config_key.hpp"
#include "metalearn/records/evaluation_rows.hpp"
#include "metalearn/records/metrics_text.hpp"
#include "metalearn/records/run_file_list.hpp"
#include "metalearn/snapshots/model_file.hpp"
#include "metalearn/snapshots/run_snapshot.hpp"
#include "metalearn/snapshots/run_state.hpp"
#include "metalearn/train/trainer.hpp"

namespace metalearn {
namespace {

using checkpoints::FileSystem;
using checkpoints::SnapshotEntry;

/// Removes the file's name from the start of a message; the finding has it already.
std::string without_name(const std::string& message, const std::string& path) {
  return message.starts_with(path + ": ") ? message.substr(path.size() + 2) : message;
}

/// An intact snapshot, which the other files are compared with.
struct Whole {
  std::string path;
  std::int64_t generation = 0;
  Config config;
};

/// A snapshot as read.
struct Read {
  Finding finding;
  std::optional<Whole> whole = {};
};

/// Throws NoInput.
Read read(const std::string& path, FileSystem& files, checkpoints::Links links) {
  const auto damaged = [&](const std::exception& e) {
    return Read{{path, Grade::damaged, without_name(e.what(), path)}};
  };
  try {
    const RunSnapshot s = parse_any_snapshot(checkpoints::read_file(files, path, links), path);
    if (is_model(s.archive)) {
      model_from(s.archive);
      return {{path, Grade::ok,
               fmt::format("a theta or phi without a run, schema {}, {} bytes", s.schema, s.bytes)},
              {}};
    }
    state_from(s.archive, s.config);
    in_flight_from(s.archive, s.config);
    return {
        {path, Grade::ok, fmt::format("generation {}, schema {}, {} bytes", s.generation, s.schema, s.bytes)},
        Whole{path, s.generation, s.config}};
  } catch (const checkpoints::BadData& e) {
    return damaged(e);
  } catch (const checkpoints::IoError& e) {
    return damaged(e);
  } catch (const std::invalid_argument& e) {
    return damaged(e);
  }
}

/// None if there is no such file (any more), or it cannot be read.
std::optional<std::string> text_of(const std::string& path, FileSystem& files) {
  try {
    return checkpoints::read_text(files, path, checkpoints::Links::refused);
  } catch (const checkpoints::Error&) {
    return {};
  }
}

Finding audit_config(const std::string& path, const Whole* newest, FileSystem& files) {
  const auto damaged = [&](const std::string& what) { return Finding{path, Grade::damaged, what}; };
  const auto text = text_of(path, files);
  if (!text) return damaged("is missing or unreadable; a resume rewrites it");
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object() ||
      !std::all_of(json.begin(), json.end(), [](const auto& v) { return v.is_string(); }))
    return damaged("is not a JSON object of strings; a resume rewrites it");
  Config config;
  try {
    config = Config::from_map(json.get<std::map<std::string, std::string>>());
    config.check();
  } catch (const checkpoints::UsageError& e) {
    return damaged(e.what());
  }
  if (!newest) return {path, Grade::ok, "a configuration; there is no intact snapshot to compare it with"};
  const auto in_snapshot = newest->config.to_map();
  for (const auto& [key, value] : config.to_map())
    if (const auto& other = in_snapshot.at(key); !config_key(key).is_resumable && value != other)
      return damaged(fmt::format("{} is '{}', but '{}' in {}; a resume uses the snapshot's", key, value,
                                 other, newest->path));
  return {path, Grade::ok, "agrees with the newest snapshot"};
}

Finding audit_metrics(const std::string& path, const Whole* newest, FileSystem& files) {
  const auto text = text_of(path, files);
  if (!text) return {path, Grade::damaged, "is missing or unreadable"};
  const MetricsText metrics = parse_metrics(*text);
  if (metrics.columns.empty())
    return {path, Grade::damaged, "has no header row with the names of its columns"};
  const std::int64_t promised = newest ? newest->generation : 0;
  // A file may begin later, without a gap: earlier rows were lost or moved away, and a resume continued.
  const std::int64_t begin =
      metrics.rows.empty() ? 0 : std::max<std::int64_t>(0, metrics.rows.front().update - 1);
  std::int64_t done = begin;
  std::string wrong;
  for (const auto& row : metrics.rows) {
    if (!row.wrong.empty())
      wrong = fmt::format("line {} {}", row.line, row.wrong);
    else if (row.update <= done)
      wrong = fmt::format("line {} repeats update {}", row.line, row.update);
    else if (row.update > done + 1)
      wrong = fmt::format("line {} is update {}: rows {} to {} are missing", row.line, row.update, done + 1,
                          row.update - 1);
    if (!wrong.empty()) break;
    ++done;
  }
  if (wrong.empty() && metrics.torn)
    wrong = fmt::format("the row after update {} is incomplete, or being written", done);
  if (done < promised)
    return {path, Grade::damaged,
            wrong.empty()
                ? fmt::format("ends with update {}, but the newest snapshot is of update {}", done, promised)
                : wrong};
  if (begin > 0)
    return {path, Grade::note, fmt::format("begins with update {}; earlier rows are missing", begin + 1)};
  if (wrong.empty()) return {path, Grade::ok, fmt::format("{} rows", done)};
  return {path, Grade::note,
          fmt::format("{} rows; {}, after the newest snapshot: a resume cuts it off", done, wrong)};
}

/// The newest update whose evaluation should be in evaluations.csv, unless the schedule was changed later; 0:
/// none.
std::int64_t evaluation_due(const Whole* newest) {
  if (!newest || newest->config.eval_data.empty() || newest->config.eval_every == 0) return 0;
  return newest->generation / newest->config.eval_every * newest->config.eval_every;
}

/// Checks steps.csv, evaluations.csv or log.csv, if it exists. due: an update that should have rows; 0:
/// unknown.
std::optional<Finding> audit_rows(const std::string& path, const std::string& header, std::int64_t due,
                                  FileSystem& files) {
  const auto text = text_of(path, files);
  const std::string lacks = fmt::format(
      "has no rows of update {}, which eval-every asks for: they were lost, or eval-every was set later",
      due);
  if (!text) return due > 0 ? std::optional(Finding{path, Grade::note, lacks}) : std::nullopt;
  if (!text->starts_with(header))
    return Finding{path, Grade::damaged, "has no header row with the names of its columns"};
  std::istringstream lines(*text);
  std::int64_t rows = -1, before = 0;
  for (std::string line; std::getline(lines, line) && !lines.eof(); ++rows) {
    if (rows < 0) continue;
    std::int64_t update = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), update);
    const auto commas = std::count(line.begin(), line.end(), ','),
               expected = std::count(header.begin(), header.end(), ',');  // a quoted event may contain more
    if (error != std::errc() || update < before ||
        (line.ends_with('"') ? commas < expected : commas != expected))
      return Finding{path, Grade::damaged, fmt::format("line {} is not a row of this file", rows + 2)};
    before = update;
  }
  if (before < due) return Finding{path, Grade::note, lacks};
  return Finding{path, Grade::ok,
                 fmt::format("{} rows{}", std::max<std::int64_t>(0, rows),
                             text->ends_with('\n') ? "" : "; the last one is incomplete, or being written")};
}

/// Compares the manifest with the files, which are read after it. `in_doubt`: a file that it lists does not
/// exist. Skips snapshots already found damaged.
Finding audit_manifest(const std::string& directory, const std::vector<Read>& snapshots, FileSystem& files,
                       bool& in_doubt) {
  const std::string path = directory + "/" + checkpoints::kManifestName;
  in_doubt = false;
  std::optional<checkpoints::Manifest> manifest;
  try {
    manifest = checkpoints::read_manifest(directory, files);
  } catch (const checkpoints::Error& e) {
    return {path, Grade::damaged, without_name(e.what(), path) + "; the next save rewrites it"};
  }
  if (!manifest)
    return {path, Grade::note, "does not exist: an older program made the run; the next save writes it"};
  for (const auto& [generation, entry] : manifest->generations) {
    const std::string snapshot = checkpoints::snapshot_path(directory, generation);
    if (std::any_of(snapshots.begin(), snapshots.end(),
                    [&](const Read& r) { return r.finding.file == snapshot && !r.whole; }))
      continue;
    try {
      if (checkpoints::manifest_entry(checkpoints::read_file(files, snapshot, checkpoints::Links::refused)) !=
          entry)
        return {path, Grade::damaged, fmt::format("does not match {}, which has other contents", snapshot)};
    } catch (const checkpoints::NoInput&) {
      in_doubt = true;
      return {path, Grade::damaged, fmt::format("lists {}, which does not exist", snapshot)};
    }
  }
  return {path, Grade::ok, fmt::format("lists {} generations", manifest->generations.size())};
}

/// A run that is training may remove a snapshot after the manifest was read: so read the manifest again.
Finding audit_manifest(const std::string& directory, const std::vector<Read>& snapshots, FileSystem& files) {
  constexpr int kAttempts = 100;
  bool in_doubt = false;
  for (int attempt = 1;; ++attempt)
    if (const Finding finding = audit_manifest(directory, snapshots, files, in_doubt);
        !in_doubt || attempt == kAttempts)
      return finding;
}

/// Files that a killed process or a fallback left.
std::vector<Finding> leftovers(const std::string& directory, FileSystem& files) {
  std::vector<std::string> names;
  std::vector<Finding> found;
  if (files.list(directory, names) < 0) return found;
  std::sort(names.begin(), names.end());
  for (const auto& name : names) {
    const std::string path = directory + "/" + name;
    if (name.ends_with(".tmp"))
      found.push_back({path, Grade::note, "incomplete: its writer was killed, or is writing it now"});
    if (name.ends_with(".damaged"))
      found.push_back({path, Grade::note, "a damaged snapshot that was set aside; nothing reads it"});
  }
  return found;
}

/// Reads the newest first, before a training run can remove it. Empty: there are no snapshots (any more).
std::vector<Read> read_all(const std::string& directory, FileSystem& files) {
  auto entries = checkpoints::list_snapshots(directory, files);
  std::reverse(entries.begin(), entries.end());
  std::vector<Read> found;
  for (const auto& entry : entries) {
    try {
      found.push_back(read(entry.path, files, checkpoints::Links::refused));
    } catch (const checkpoints::NoInput& e) {
      const auto now = checkpoints::list_snapshots(directory, files);
      if (std::any_of(now.begin(), now.end(),
                      [&](const SnapshotEntry& other) { return other.update == entry.update; }))
        found.push_back({{entry.path, Grade::damaged, without_name(e.what(), entry.path)}});
      continue;
    }
    Read& last = found.back();
    if (!last.whole || last.whole->generation == entry.update) continue;
    last = {{entry.path, Grade::damaged,
             fmt::format("holds generation {}, which does not match its name", last.whole->generation)}};
  }
  return found;
}

}  // namespace

const char* to_string(Grade grade) {
  switch (grade) {
    case Grade::ok:
      return "ok";
    case Grade::note:
      return "note";
    case Grade::damaged:
      return "damaged";
  }
  return "";
}

bool RunAudit::whole() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const Finding& f) { return f.grade == Grade::damaged; });
}

Finding audit_snapshot(const std::string& path, FileSystem& files) {
  return read(path, files, checkpoints::Links::followed).finding;
}

RunAudit audit_run(const std::string& directory, FileSystem& files) {
  if (files.is_directory(directory) != 1)
    throw checkpoints::NoInput(fmt::format("{}: no such run directory; check the path", directory));
  constexpr int kAttempts = 100;  // files listed while a run saves may be gone a moment later
  std::vector<Read> snapshots;
  for (int attempt = 0; snapshots.empty() && attempt < kAttempts; ++attempt)
    snapshots = read_all(directory, files);
  if (snapshots.empty())
    throw checkpoints::NoInput(fmt::format(
        "{0}: holds no snapshots; name a run directory, or start a run with `metalearn train --run {0}`",
        directory));

  RunAudit audit;
  const Whole* newest = nullptr;
  for (const auto& s : snapshots) {
    audit.findings.push_back(s.finding);
    if (s.whole && !newest) newest = &*s.whole;
  }
  std::reverse(audit.findings.begin(), audit.findings.end());
  audit.findings.push_back(audit_manifest(directory, snapshots, files));
  audit.findings.push_back(audit_config(directory + "/config.json", newest, files));
  for (const auto& [name, begin] : rows_files()) {
    const std::string path = directory + "/" + name;
    const std::int64_t due = name == kEvaluationRowsName ? evaluation_due(newest) : 0;
    if (name == kMetricsName)
      audit.findings.push_back(audit_metrics(path, newest, files));
    else if (auto finding = audit_rows(path, begin, due, files))
      audit.findings.push_back(std::move(*finding));
  }
  for (auto& finding : leftovers(directory, files)) audit.findings.push_back(std::move(finding));
  return audit;
}

}  // namespace metalearn
