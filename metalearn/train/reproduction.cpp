#include "metalearn/train/reproduction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <utility>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/config/config_key.hpp"
#include "metalearn/snapshots/run_state.hpp"

namespace metalearn {
namespace {

namespace fs = std::filesystem;
using checkpoints::SnapshotEntry;

std::string listed(const std::vector<SnapshotEntry>& entries) {
  std::vector<std::int64_t> generations;
  for (const auto& entry : entries) generations.push_back(entry.update);
  return fmt::format("{}", fmt::join(generations, ", "));
}

class Rerun {
 public:
  Rerun(std::string run, const std::string& scratch)
      : run_(std::move(run)), expected_(scratch + "/expected"), rerun_(scratch + "/rerun") {
    fs::create_directory(expected_);
    fs::create_directory(rerun_);
  }

  /// Errors and events name the run, not the temporary folders. Write errors concern those folders and stay.
  template <class F>
  auto in_words_of_the_run(F&& act) const {
    try {
      return act();
    } catch (const checkpoints::Diverged&) {
      throw;
    } catch (const checkpoints::IoError&) {
      throw;
    } catch (const checkpoints::Error& e) {
      throw checkpoints::Error(e.exit_code, of_the_run(e.what()));
    }
  }
  std::string of_the_run(std::string text) const {
    for (const auto* folder : {&expected_, &rerun_})
      for (std::size_t at = 0; (at = text.find(*folder, at)) != std::string::npos; at += run_.size())
        text.replace(at, folder->size(), run_);
    return text;
  }

  void choose(const Stretch& stretch, Reproduction& r) {
    copy(stretch, r);
    r.to = wanted_.back().update;
    const std::string metrics = checkpoints::read_text(checkpoints::posix_file_system(),
                                                       run_ + "/metrics.csv", checkpoints::Links::refused)
                                    .value_or(""),
                      columns = metrics.substr(0, metrics.find('\n') + 1);
    metrics_ = parse_metrics(metrics);
    if (metrics_.columns.empty())
      r.notes.push_back(
          fmt::format("metrics are not compared: {}/metrics.csv is missing or has no header row", run_));
    else
      checkpoints::write_durably(checkpoints::posix_file_system(), rerun_ + "/metrics.csv",
                                 std::as_bytes(std::span(columns)));  // the rerun appends its rows
    for (const auto& row : metrics_.rows)  // rows may continue after the last snapshot
      if (stretch.to && row.wrong.empty() && row.update > r.to && row.update <= *stretch.to)
        r.to = row.update;
  }

  /// Runs until everything is compared, a difference is found, or it is stopped.
  void go(const Stretch& stretch, const Trainer::OnProgress& on_progress, const Stop& stop,
          const PartsMaker& parts, Reproduction& r) {
    ConfigChanges changes = {{"updates", std::to_string(r.to)},
                             {"disk", "0"},
                             {"eval-every", "0"}};  // disk-dir may be on another machine
    if (stretch.threads) changes["threads"] = std::to_string(*stretch.threads);
    if (stretch.data) changes["data"] = *stretch.data;
    const auto trainer = in_words_of_the_run([&] { return resume_with(rerun_, changes, parts); });
    bool first = true;
    // False if the rerun diverged, unlike the run.
    const auto go_to = [&](std::int64_t generation) {
      try {
        const auto show = [&](Progress p) {
          std::vector<Event> events;
          if (std::exchange(first, false)) events = events_of(EventKind::note, r.notes);
          for (const auto& event : p.events)
            if (!is_noted(event)) events.push_back({event.kind, of_the_run(event.text)});
          p.events = std::move(events);
          r.stopped = !on_progress(p);
          return !r.stopped && p.update != generation;
        };
        trainer->run(show, stop);
        r.stopped = r.stopped || asked(stop);
        return true;
      } catch (const checkpoints::Diverged& e) {
        r.compared.push_back({generation, {{{"training", "continued", of_the_run(e.what())}}, {}}});
        return false;
      }
    };
    for (const auto& entry : wanted_) {
      if (!go_to(entry.update) || trainer->update() < entry.update) break;
      r.compared.push_back({entry.update, compare(read_run_snapshot(entry.path),
                                                  read_run_snapshot(trainer->newest_snapshot()))});
      if (r.stopped || !r.same()) break;
    }
    if (!r.stopped && r.same() && trainer->update() < r.to) go_to(r.to);
    r.metrics = diff_metrics(
        metrics_,
        parse_metrics(
            checkpoints::read_text(checkpoints::posix_file_system(), rerun_ + "/metrics.csv").value_or("")),
        r.from, trainer->update());
  }

 private:
  /// Keys that do not change bits may differ between the run and the rerun.
  static StateDiff compare(const RunSnapshot& expected, RunSnapshot rerun) {
    for (const ConfigKey& key : keys_where(&ConfigKey::keeps_bits))
      key.set(rerun.config, key.text(expected.config));
    return diff_states(expected, rerun);
  }

  /// Whether an event of the rerun is a note of copy_start(), or about its missing earlier rows.
  static bool is_noted(const Event& event) {
    return event.kind == EventKind::kernels || event.kind == EventKind::rows_lost;
  }

  /// Copies the snapshot to start from and those to compare with. A run that is training may remove them;
  /// then, unless the caller named the start, later ones are used.
  void copy(const Stretch& stretch, Reproduction& r) {
    constexpr int kAttempts = 100;
    for (int attempt = 1;; ++attempt) {
      r.notes.clear();
      try {
        copy_start(choose_start(stretch, r), r);
        const bool gone = copy_rest(r);
        if (!wanted_.empty()) return;
        if (!gone)
          throw checkpoints::BadData(
              fmt::format("{}: every snapshot after generation {} is damaged; see metalearn verify {}", run_,
                          r.from, run_));
        throw checkpoints::NoInput(fmt::format(
            "{}: the run has meanwhile removed all snapshots after generation {}; try again from a newer one",
            run_, r.from));
      } catch (const checkpoints::NoInput&) {
        if (stretch.from || attempt == kAttempts) throw;
      }
      fs::remove(checkpoints::snapshot_path(rerun_, r.from));
    }
  }

  void copy_start(const SnapshotEntry& start, Reproduction& r) const {
    auto begin = read_run_snapshot(start.path);
    if (begin.generation != start.update)
      throw checkpoints::BadData(
          fmt::format("{}: holds generation {}, which does not match its name; start from another snapshot",
                      start.path, begin.generation));
    if (const auto note = kernels_note(begin.archive); !note.empty()) r.notes.push_back(note);
    begin.archive.set("config", "save-every",
                      std::string("1000000000"));  // the rerun saves only where it is compared
    checkpoints::save_snapshot(checkpoints::snapshot_path(rerun_, start.update), begin.archive);
  }

  SnapshotEntry choose_start(const Stretch& stretch, Reproduction& r) {
    const auto entries = checkpoints::list_snapshots(run_);
    if (entries.empty())
      throw checkpoints::NoInput(fmt::format(
          "{0}: holds no snapshots; name a run directory, or start a run with `metalearn train --run {0}`",
          run_));
    r.from = stretch.from.value_or(entries.front().update);
    const auto start =
        std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.update == r.from; });
    if (start == entries.end())
      throw checkpoints::NoInput(
          fmt::format("{}: has no snapshot of generation {} (it has {}); name one of them", run_, r.from,
                      listed(entries)));
    wanted_.clear();
    for (auto entry = start + 1; entry != entries.end(); ++entry)
      if (!stretch.to || entry->update <= *stretch.to) wanted_.push_back(*entry);
    if (wanted_.empty())
      throw checkpoints::UsageError(fmt::format(
          "{}: there is no snapshot to compare with after generation {}{} (it has {}); start from an older "
          "one",
          run_, r.from, stretch.to ? fmt::format(" and up to {}", *stretch.to) : ", which is the newest",
          listed(entries)));
    return *start;
  }

  /// Copies the wanted snapshots and keeps those that could be copied. True if the run has removed any.
  bool copy_rest(Reproduction& r) {
    std::vector<SnapshotEntry> copied;
    bool gone = false;
    for (const auto& entry : wanted_) {
      const SnapshotEntry to{entry.update, checkpoints::snapshot_path(expected_, entry.update)};
      std::error_code failed;
      if (!fs::copy_file(entry.path, to.path, fs::copy_options::overwrite_existing, failed)) {
        if (fs::exists(entry.path))
          throw checkpoints::IoError(
              fmt::format("{}: cannot be copied to {}: {}; free space there, or use another temporary folder",
                          entry.path, to.path, failed.message()));
        r.notes.push_back(
            fmt::format("generation {} is not compared: the run has meanwhile removed it", entry.update));
        gone = true;
        continue;
      }
      try {
        read_run_snapshot(to.path);
        copied.push_back(to);
      } catch (const checkpoints::BadData& e) {
        r.notes.push_back(
            fmt::format("generation {} is not compared: {}", entry.update, of_the_run(e.what())));
      }
    }
    wanted_ = copied;
    return gone;
  }

  const std::string run_, expected_, rerun_;
  std::vector<SnapshotEntry> wanted_;  ///< copies of the snapshots to compare with, oldest first
  MetricsText metrics_;                ///< of the run
};

}  // namespace

bool Reproduction::same() const {
  return metrics.differences.empty() &&
         std::all_of(compared.begin(), compared.end(), [](const auto& g) { return g.diff.same(); });
}

Reproduction reproduce(const std::string& run, const Stretch& stretch, const std::string& scratch,
                       const Trainer::OnProgress& on_progress, const Stop& stop, const PartsMaker& parts) {
  Reproduction r;
  Rerun rerun(run, scratch);
  rerun.choose(stretch, r);
  rerun.go(stretch, on_progress, stop, parts, r);
  return r;
}

}  // namespace metalearn
