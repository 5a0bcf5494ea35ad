// RunFileList: the files that a run keeps in its folder. The only list: all code that looks for them by name
// uses it.
#pragma once
#include <string>
#include <vector>

namespace metalearn {

inline constexpr const char* kMetricsName = "metrics.csv";
inline constexpr const char* kEventFilePrefix = "events.out.tfevents.";

/// A file to which updates append rows (rows_file.hpp).
struct RowsFileKind {
  std::string name;
  std::string
      begin;  ///< the beginning of its first line: some columns of metrics.csv, all columns of the others
};
/// metrics.csv is the first.
const std::vector<RowsFileKind>& rows_files();

/// Whether a file of this name in a run's folder belongs to the run: one of the above, an event file, or one
/// that RunDirectory owns.
bool is_run_file(const std::string& name);

}  // namespace metalearn
