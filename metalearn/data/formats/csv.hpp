// CSV: rows of numbers, each with a label, comma-separated, UTF-8, with or without a header.
//
// The first row is a header if none of its fields is a number, or if its numbers count columns: 0, 1, 2, ...
// (at least three, or next to a field that is empty or "label"). Labels are in the column that the header
// calls "label", in upper or lower case, or else in the last one; they may be any text. All other fields are
// finite numbers. A column without a name that numbers the rows (distinct whole numbers) is left out. Fields
// may be in double quotes ("" inside is one quote). Empty lines are ignored. Pure function.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "metalearn/data/file_bytes.hpp"

namespace metalearn {

/// Rows of features and their labels.
struct Table {
  std::int64_t columns = 0;             ///< of features
  std::vector<double> features;         ///< [rows, columns]; in float32's range
  std::vector<std::string> labels;      ///< [rows]
  std::vector<std::string> names = {};  ///< of the columns, from the header; empty if there is none
  std::string label_note = {};          ///< which column is the label and why
  std::vector<std::string> notes = {};  ///< warnings, one line each, which name the file
};

/// Throws BadData, "FILE:LINE: ...", for a row whose number of fields differs from the first row's, an open
/// quote, a field that is not a finite number, an empty label; also if there are no rows or no features.
Table parse_csv(const FileBytes& file);

}  // namespace metalearn
