// Tables: features with labels, as CSV (csv.hpp) or NPY (npy.hpp) files.
//
//   FILE.csv[.gz]                                                one part
//   train.csv[.gz], test.csv[.gz] in a folder                    two parts; only train: one
//   features.npy, labels.npy in a folder    one part: features [n, ...] numbers, labels [n] integers
//   train-features.npy, train-labels.npy, test-features.npy, test-labels.npy in a folder    two parts
//
// Every column becomes (x - mean) / deviation, both over the train split; a constant column becomes 0.
// Classes are the distinct labels, in numeric order if all are integers, otherwise in the order of their
// bytes. Pure functions of the files.
#pragma once
#include <filesystem>
#include <string>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// The splits are those of split_parts. Throws NoInput, BadData.
Dataset read_csv_table(const std::string& name, const std::filesystem::path& path);
Dataset read_npy_table(const std::string& name, const std::filesystem::path& folder);

}  // namespace metalearn
