// Checks the storage of an array in an HDF5 image: all its data must lie within the image's bytes.
//
// Private to this folder. REQUIRES holding the HDF5 mutex.
#pragma once
#include <hdf5.h>

#include <cstddef>
#include <string>

namespace checkpoints {

constexpr int kMaxRank = 8;
constexpr std::size_t kDeflateRatio = 1040;  // deflate expands one byte to at most 1032

/// What is wrong with the storage of an array of `bytes` bytes, in numbers of `width` bytes each ("is a
/// virtual array"), or empty. Called before memory is allocated for it. Throws Hdf5Failure.
std::string storage_fault(hid_t set, hid_t space, hsize_t bytes, std::size_t width, std::size_t file_bytes);

}  // namespace checkpoints
