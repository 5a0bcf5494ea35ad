// CSV: rows of numbers, each with a label, comma-separated, UTF-8, with or without a header.
//
// The first row is a header if none of its fields is a number. Labels are in the column that the header calls
// "label", or else in the last one; they may be any text. All other fields are finite numbers. Fields may be
// in double quotes ("" inside is one quote). Empty lines are ignored. Pure function.
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
  std::vector<std::string> names = {};  ///< of the columns, from the header; empty if there is none
};

/// Throws BadData, "FILE:LINE: ...", for a row whose number of fields differs from the first row's, an open
/// quote, a field that is not a finite number, an empty label; also if there are no rows or no features.
Table parse_csv(const FileBytes& file);

}  // namespace metalearn
