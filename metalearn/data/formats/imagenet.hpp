// ImageNet: downsampled colour images of many classes in one HDF5 file.
//
//   /train/images, /val/images   uint8 [N, 3, rows, columns]: red, green, blue planes
//   /train/labels, /val/labels   integers [N], an index into
//   /wnids, /class_names         text of fixed length [classes]
//
// Read with libhdf5 after the whitelist check of checkpoints/image.hpp (Accept::compressed).
//
// Classes are held out: in the order of a fixed hash of the wnid, a few are kept for meta-validation and the
// same number for reporting. Pure functions of the file.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// With 8 classes or more, an eighth of them, at most this many, is kept for meta-validation, and the same
/// number for reporting.
inline constexpr int kMostHeldOutClasses = 10;

/// /val is the test split if it holds kFewestExamples of every class; otherwise both parts are merged, and a
/// hashed fifth of each class is the test split. Throws NoInput; BadData, naming the array, for a file of
/// another form.
Dataset read_imagenet(const std::string& name, const std::filesystem::path& file, bool colour);

/// The HDF5 files of a folder, or the path itself if it is one.
std::vector<std::filesystem::path> hdf5_files(const std::filesystem::path& path);

}  // namespace metalearn
