// Storage of an array in an HDF5 image: that what the array declares lies within the image's bytes, and
// nowhere else.
//
// Private to this folder. REQUIRES the HDF5 mutex held.
#pragma once
#include <hdf5.h>

#include <cstddef>
#include <string>

namespace checkpoints {

constexpr int kMaxRank = 8;
constexpr std::size_t kDeflateRatio = 1040;  // deflate makes at most 1032 bytes of one

/// What is wrong with the storage of an array of `bytes` bytes in numbers of `width` each ("is a virtual
/// array"), or empty. Called before memory is taken for it. Throws Hdf5Failure.
std::string storage_fault(hid_t set, hid_t space, hsize_t bytes, std::size_t width, std::size_t file_bytes);

}  // namespace checkpoints
