// MetricsText: the parsed content of a metrics.csv (metrics.hpp writes it), to check or compare it, also
// while it is being written.
//
// Plain values; a function without state.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace metalearn {

struct MetricsText {
  struct Row {
    std::size_t line = 0;            ///< in the file, from 1
    std::int64_t update = -1;        ///< -1 if it has no number
    std::vector<std::string> cells;  ///< one per column, unless wrong
    std::string wrong;               ///< what is wrong with this row; empty if nothing
  };

  std::vector<std::string> columns;  ///< empty if the first line is not the header of a metrics.csv
  std::vector<Row> rows;             ///< the complete lines, in the file's order
  bool torn = false;  ///< the last line is incomplete: its writer was killed, or is writing it now
};

MetricsText parse_metrics(const std::string& text);

}  // namespace metalearn
