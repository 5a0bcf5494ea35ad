// Metrics: a run's metrics.csv, one row per update, also after a crash.
//
// All columns except `seconds` are the same for the same configuration and seed. Rows and threads: as
// RowsFile.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "metalearn/records/rows_file.hpp"

namespace metalearn {

/// Objective of one evaluation step on the meta-validation tasks.
struct ValidationPoint {
  std::int64_t mark = 0;  ///< inner steps
  double objective = 0, accuracy = 0;
};

/// One update; means are over the applied windows.
struct MetricsRow {
  struct Objective {
    double first = 0, last = 0;
  };  ///< of the windows' first and last new state

  std::int64_t update = 0;                     ///< updates done, this one included
  Objective objective;                         ///< mean over all windows of the update
  std::map<std::string, Objective> by_family;  ///< families without a window in this update have empty cells
  std::map<std::string, double> gradient_by_family;  ///< mean 2-norm of the tasks' gradients before clipping
  double gradient_norm = 0;                          ///< 2-norm of the averaged gradient before clipping
  double clipped_share = 0;                          ///< share of the windows whose gradient was clipped
  double rate = 0;                                   ///< learning rate of Adam
  std::int64_t replaced = 0, dropped = 0;  ///< tasks that reached their length; that turned non-finite
  double mean_age = 0;                     ///< of all in-flight tasks after the update, inner steps
  std::int64_t length_limit = 0;           ///< inner steps
  std::int64_t inner_steps = 0;
  std::vector<ValidationPoint> validation;  ///< empty if the update was not validated
  double seconds = 0;                       ///< wall time of the update
};

class Metrics {
 public:
  /// Opens DIR/metrics.csv, keeps the rows up to `update` and cuts off the rest. The columns depend on the
  /// families and evaluation steps. Throws checkpoints::IoError if it cannot be written, BadData if it has
  /// other columns.
  Metrics(const std::string& directory, std::vector<std::string> families, std::vector<std::int64_t> marks,
          std::int64_t update, checkpoints::FileSystem& files = checkpoints::posix_file_system());

  /// How many of the rows up to `update` were missing.
  std::int64_t rows_lost() const { return rows_lost_; }

  void append(const MetricsRow& row);
  /// Returns when all rows appended so far are on the disk.
  void flush() { file_.flush(); }

 private:
  std::string header() const;

  std::vector<std::string> families_;
  std::vector<std::int64_t> marks_;
  RowsFile file_;
  std::int64_t rows_lost_;
};

}  // namespace metalearn
