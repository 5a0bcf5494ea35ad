// Image: converts an Archive to and from the bytes of an HDF5 file, in memory.
//
// Images that this library writes are read by its own code (Accept::plain). Foreign files are read with
// libhdf5, which is not thread-safe: one mutex guards it, so any thread may call these functions.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "checkpoints/archive.hpp"
#include "checkpoints/file_system.hpp"

namespace checkpoints {

/// An attribute is a message of an object header, which is limited to 64 KiB.
inline constexpr std::size_t kMaxAttributeBytes = 60000;

/// The bytes of an HDF5 file (the format of library 1.10, no times: the same archive always gives the same
/// bytes). Arrays up to 4 KiB are stored in their object header, which has a checksum; larger ones in chunks
/// of up to 16 MiB with Fletcher32. Text is UTF-8 of fixed length. The first `user_block` bytes (0, or a
/// power of two >= 512) are zero, for the caller to fill. Throws std::invalid_argument if an attribute has
/// more than kMaxAttributeBytes, or an array has more than 8 dimensions or is more than 32 groups deep;
/// otherwise throws only std::bad_alloc.
std::vector<std::byte> to_image(const Archive& archive, std::size_t user_block = 0);

/// Which filters a file may use.
enum class Accept {
  plain,       ///< only what to_image writes: read without libhdf5 (plain_reader.hpp)
  compressed,  ///< foreign files, also with deflate and shuffle; libhdf5 1.10.8 can crash on malicious ones
};

/// Reads an archive from the bytes of an HDF5 file. `name` is for messages. Throws BadData with one line that
/// says what is wrong: not HDF5, damaged, or a structure that could reach outside these bytes or expand
/// without bound. Only hard links are accepted, each object once; no external or virtual storage, no other
/// filters, no array larger than its stored bytes can hold (deflate: 1040 times), only integers, floats and
/// text. An array of texts of fixed length becomes their bytes, int32 [..., length]; it may have 7
/// dimensions.
Archive from_image(std::span<const std::byte> bytes, const std::string& name,
                   Accept accept = Accept::compressed);

/// Reads an HDF5 file without a user block. Throws NoInput, BadData.
Archive read_archive(const std::string& path, FileSystem& files = posix_file_system());

}  // namespace checkpoints
