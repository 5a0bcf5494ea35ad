// MetricsText: what a metrics.csv holds (metrics.hpp writes it), read by whoever checks or compares it, also
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
    std::int64_t update = -1;        ///< -1 where it has no number
    std::vector<std::string> cells;  ///< one per column, unless wrong
    std::string wrong;               ///< what is wrong with this row; empty: nothing
  };

  std::vector<std::string> columns;  ///< empty where the first line is not that of a metrics.csv
  std::vector<Row> rows;             ///< the whole lines, in the file's order
  bool torn = false;  ///< the last line has no end: its writer was killed, or is writing it now
};

MetricsText parse_metrics(const std::string& text);

}  // namespace metalearn
