// Snapshot file: an archive on disk, every byte of it under a checksum; still an HDF5 file that h5py and
// h5dump open.
//
// FORMAT.md describes it field by field. Functions without state: any thread may use them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoints/archive.hpp"
#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"

namespace checkpoints {

/// Version of the user block and of what a body may use; a reader refuses newer ones and reads all older ones
/// (tests/snapshots/ has a file of each).
inline constexpr std::uint32_t kSnapshotSchema = 2;

/// A snapshot of a newer program: whole, but not for this one.
struct NewerSchema : BadData {
  using BadData::BadData;
};

/// The bytes of a snapshot file. Throws std::invalid_argument where a float is not finite (a snapshot must be
/// worth continuing from) or an attribute is too long (to_image).
std::vector<std::byte> snapshot_bytes(const Archive& archive);

/// What such bytes hold; name is for messages. Checks the user block, then the body's checksum, then reads it
/// (from_image, Accept::plain), then that all floats are finite. Throws BadData with one line that names the
/// file and says what is wrong, both checksums where they differ.
Archive parse_snapshot(std::span<const std::byte> bytes, const std::string& name);

/// Durably (write_durably). Throws IoError; the file that stood at path before is then still there, whole.
void save_snapshot(const std::string& path, const Archive& archive, FileSystem& files = posix_file_system());

/// Throws NoInput where there is no such file, BadData where it is damaged or something else.
Archive load_snapshot(const std::string& path, FileSystem& files = posix_file_system());

}  // namespace checkpoints
