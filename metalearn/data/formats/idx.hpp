// IDX: the file format of MNIST and its successors: big-endian magic, sizes, then bytes; plain or gzip.
//
// Images 00 00 08 03, count, rows, columns (int32 each), uint8 pixels row by row; labels 00 00 08 01, count,
// uint8 labels. Pure functions.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// One pair of files. Throws NoInput for a missing file; BadData for wrong magic, truncated or too long
/// files, empty images, counts that differ. Labels are as in the file, 0..255. Adds the checksums of both to
/// `provenance`, if not null.
ImageSet read_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                  std::vector<std::string>* provenance = nullptr);

/// A folder with train-{images-idx3,labels-idx1}-ubyte[.gz], t10k-... or both (also with "." for the "-"
/// before "idx"). Labels are renumbered 0.. in ascending order. With only one part, a hashed fifth of it is
/// the test split. A hashed tenth of the train split is kept for meta-validation, unless a class would be
/// left with fewer than 20 examples to train on.
Dataset read_idx_folder(const std::string& name, const std::filesystem::path& folder);

}  // namespace metalearn
