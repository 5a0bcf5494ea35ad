// RunLog: all row files of a run: metrics.csv, steps.csv, evaluations.csv, log.csv, and the event file for
// TensorBoard.
//
// The configuration decides at opening which of them exist; the run directory then owns them. Rows and
// threads: as RowsFile.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoints/run_directory.hpp"
#include "metalearn/config/config.hpp"
#include "metalearn/evaluate/few_shot.hpp"
#include "metalearn/records/event.hpp"
#include "metalearn/records/event_file.hpp"
#include "metalearn/records/metrics.hpp"
#include "metalearn/records/rows_file.hpp"

namespace metalearn {

/// The rows of one update.
struct UpdateRows {
  MetricsRow metrics;
  std::string steps;                  ///< rows of steps.csv
  std::vector<FewShotRow> evaluated;  ///< empty if the update was not evaluated
  std::vector<Event> events;
};

class RunLog {
 public:
  using Sources = std::map<std::string, std::string>;  ///< fingerprints of data sets, by name

  /// Opens the files of this configuration and keeps the rows up to `update`. eval_sources: fingerprints of
  /// the evaluated data sets; none without evaluations. Throws UsageError if evaluations.csv holds rows of
  /// another set of the same name (nothing is written then), and what Metrics, RowsFile and EventFile throw.
  RunLog(checkpoints::RunDirectory& directory, const Config& config, std::vector<std::string> families,
         std::optional<Sources> eval_sources, std::int64_t update, checkpoints::FileSystem& files);

  /// Rows of metrics.csv up to `update` that were missing.
  std::int64_t rows_lost() const { return metrics_->rows_lost(); }

  void append(const UpdateRows& rows);
  /// Appends to log.csv only.
  void append(std::int64_t update, const std::vector<Event>& events);
  /// Returns when all rows appended so far are on the disk.
  void flush();

 private:
  std::optional<Sources> eval_sources_;
  std::optional<Metrics> metrics_;
  std::optional<RowsFile> steps_, evaluations_, log_;
  std::optional<EventFile> tensorboard_;
};

}  // namespace metalearn
