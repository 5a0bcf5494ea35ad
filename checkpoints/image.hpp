// Image: an Archive as the bytes of an HDF5 file, built and read in memory.
//
// What this library writes it reads again by its own code (Accept::plain). Foreign files are read with
// libhdf5, which is not thread-safe: one mutex stands in front of it, so any thread may call these.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "checkpoints/archive.hpp"
#include "checkpoints/file_system.hpp"

namespace checkpoints {

/// An attribute lies in an object header, whose messages are of less than 64 KiB.
inline constexpr std::size_t kMaxAttributeBytes = 60000;

/// The bytes of an HDF5 file (the format of library 1.10, no times: the same archive always gives the same
/// bytes). Arrays up to 4 KiB lie in their object header, which has a checksum; larger ones in chunks of up
/// to 16 MiB with Fletcher32. Text is of fixed length, UTF-8. The first `user_block` bytes (0, or a power of
/// two >= 512) are zero and the caller's. Throws std::invalid_argument where an attribute has more than
/// kMaxAttributeBytes, an array more than 8 dimensions, or lies more than 32 groups deep; nothing else but
/// std::bad_alloc.
std::vector<std::byte> to_image(const Archive& archive, std::size_t user_block = 0);

/// Which filters a file may use.
enum class Accept {
  plain,       ///< what to_image makes, and nothing else: read without libhdf5 (plain_reader.hpp)
  compressed,  ///< files of others, with deflate and shuffle; libhdf5 1.10.8 can crash on hostile ones
};

/// The archive that an HDF5 file's bytes hold. `name` is for messages. Throws BadData with one line that says
/// what is wrong: not HDF5, damaged, or a structure that could reach outside these bytes or swell: only hard
/// links are accepted, each object once; no external or virtual storage, no other filters, no array larger
/// than what is stored for it can hold (deflate: 1040 times), no types but integers, floats and text. An
/// array of texts of fixed length becomes their bytes, int32 [..., length]; it may have 7 dimensions.
Archive from_image(std::span<const std::byte> bytes, const std::string& name,
                   Accept accept = Accept::compressed);

/// A plain HDF5 file. Throws NoInput, BadData.
Archive read_archive(const std::string& path, FileSystem& files = posix_file_system());

}  // namespace checkpoints
