// RunFileList: the files that a run keeps in its folder. THE list: what looks for them by name asks here.
#pragma once
#include <string>
#include <vector>

namespace metalearn {

inline constexpr const char* kMetricsName = "metrics.csv";
inline constexpr const char* kEventFilePrefix = "events.out.tfevents.";

/// A file to which updates add rows (rows_file.hpp).
struct RowsFileKind {
  std::string name;
  std::string begin;  ///< what its first line begins with: of metrics.csv some columns, of the others all
};
/// metrics.csv is the first.
const std::vector<RowsFileKind>& rows_files();

/// Whether a file of this name in a run's folder is the run's: one of the above, an event file, or one that
/// RunDirectory owns.
bool is_run_file(const std::string& name);

}  // namespace metalearn
