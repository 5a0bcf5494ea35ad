// RunLog: all that a run writes down row by row: metrics.csv, steps.csv, evaluations.csv, log.csv, and the
// event file for TensorBoard.
//
// Which of them there are is said when it is opened; each belongs to the run directory from then on. Rows and
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

/// What one update adds.
struct UpdateRows {
  MetricsRow metrics;
  std::string steps;                  ///< rows of steps.csv
  std::vector<FewShotRow> evaluated;  ///< empty where the update was not evaluated
  std::vector<Event> events;
};

class RunLog {
 public:
  using Sources = std::map<std::string, std::string>;  ///< fingerprints of data sets, by name

  /// Opens the files of this configuration, keeping the rows up to `update`. eval_sources: of the sets that
  /// evaluations are on; none: there are none. Throws UsageError where evaluations.csv holds rows of another
  /// set of the same name (nothing is written then), what Metrics, RowsFile and EventFile throw.
  RunLog(checkpoints::RunDirectory& directory, const Config& config, std::vector<std::string> families,
         std::optional<Sources> eval_sources, std::int64_t update, checkpoints::FileSystem& files);

  /// Rows of metrics.csv up to `update` that were not there (any more).
  std::int64_t rows_lost() const { return metrics_->rows_lost(); }

  void append(const UpdateRows& rows);
  /// To log.csv alone.
  void append(std::int64_t update, const std::vector<Event>& events);
  /// Returns when all rows appended before it are on the disk.
  void flush();

 private:
  std::optional<Sources> eval_sources_;
  std::optional<Metrics> metrics_;
  std::optional<RowsFile> steps_, evaluations_, log_;
  std::optional<EventFile> tensorboard_;
};

}  // namespace metalearn
