// CSV: rows of numbers with a label each, comma-separated, UTF-8, with or without a header.
//
// The first row is a header if none of its fields is a number. Labels stand in the column "label" of the
// header, or else in the last one; they may be any text. All other fields are finite numbers. Fields may
// stand in double quotes ("" is one of them). Empty lines are passed over. Pure function.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "metalearn/data/file_bytes.hpp"

namespace metalearn {

/// Rows of features and their labels.
struct Table {
  std::int64_t columns = 0;             ///< of features
  std::vector<float> features;          ///< [rows, columns]
  std::vector<std::string> labels;      ///< [rows]
  std::vector<std::string> names = {};  ///< of the columns, from the header; empty where there is none
};

/// Throws BadData, "FILE:LINE: ...", for a row with another number of fields than the first one, an open
/// quote, a field that is no finite number, an empty label; also for no rows, or no feature.
Table parse_csv(const FileBytes& file);

}  // namespace metalearn
