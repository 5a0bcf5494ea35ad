#include "metalearn/records/run_file_list.hpp"

#include <algorithm>

#include "checkpoints/run_directory.hpp"
#include "metalearn/records/evaluation_rows.hpp"
#include "metalearn/records/log_rows.hpp"
#include "metalearn/records/step_rows.hpp"

namespace metalearn {

const std::vector<RowsFileKind>& rows_files() {
  static const std::vector<RowsFileKind> all = {
      {kMetricsName, "update,objective_first,"},
      {kStepRowsName, step_rows_header()},
      {kEvaluationRowsName, evaluation_rows_header()},
      {kLogName, log_rows_header()},
  };
  return all;
}

bool is_run_file(const std::string& name) {
  const auto& rows = rows_files();
  return std::any_of(rows.begin(), rows.end(), [&](const RowsFileKind& f) { return f.name == name; }) ||
         name.starts_with(kEventFilePrefix) || checkpoints::is_own_file(name);
}

}  // namespace metalearn
