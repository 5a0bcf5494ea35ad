// Snapshot file: an archive on disk with every byte under a checksum; also a regular HDF5 file for h5py and
// h5dump.
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

/// Version of the user block and of the features of a body. A reader refuses newer versions and reads all
/// older ones (tests/snapshots/ has a file of each).
inline constexpr std::uint32_t kSnapshotSchema = 2;

/// A snapshot of a newer program: undamaged, but this program can't read it.
struct NewerSchema : BadData {
  using BadData::BadData;
};

/// The bytes of a snapshot file. Throws std::invalid_argument if a float is not finite (a run could not
/// continue from it) or an attribute is too long (to_image).
std::vector<std::byte> snapshot_bytes(const Archive& archive);

/// The archive in these bytes; name is for messages. Checks the user block, then the body's checksum, then
/// reads the body (from_image, Accept::plain), then checks that all floats are finite. Throws BadData with
/// one line that names the file and says what is wrong, with both checksums if they differ.
Archive parse_snapshot(std::span<const std::byte> bytes, const std::string& name);

/// Saves durably (write_durably). Throws IoError; a previous file at path is then unchanged.
void save_snapshot(const std::string& path, const Archive& archive, FileSystem& files = posix_file_system());

/// Throws NoInput if there is no such file, BadData if it is damaged or not a snapshot.
Archive load_snapshot(const std::string& path, FileSystem& files = posix_file_system());

}  // namespace checkpoints
