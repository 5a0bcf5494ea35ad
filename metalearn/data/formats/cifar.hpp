// CIFAR-10, binary version: records of 3073 bytes: a label 0..9, then red, green and blue planes of 32 x 32
// bytes; plain or gzip.
//
// Images become grey by luminance (colour.hpp), or keep their channels. Pure functions.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// Adds the images of one file to a set, in colour if set.channels is 3, otherwise grey; and its checksum to
/// `provenance`, if not null. Throws NoInput, or BadData for a size that is not a multiple of a record or a
/// label above 9.
void read_cifar10_file(const std::filesystem::path& file, ImageSet& set,
                       std::vector<std::string>* provenance = nullptr);

/// A folder with any of data_batch_1..5.bin[.gz] (train) and test_batch.bin[.gz] (test); with only one part,
/// a hashed fifth of it is the test split. Class names from batches.meta.txt if present. Frog and ship are
/// kept for meta-validation (an animal and a vehicle, neither with a near twin among the other eight), on
/// images of the train split.
Dataset read_cifar10_folder(const std::string& name, const std::filesystem::path& folder,
                            bool colour = false);

}  // namespace metalearn
