// NPZ: NumPy's archive of named arrays, a zip file with one NPY file per name (libzip). Functions without
// state.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace metalearn {

/// NPY files by their names, without ".npy".
using NpzFiles = std::map<std::string, std::vector<std::uint8_t>>;

/// The entries of an archive, stored or deflated. `name` is for messages. Throws BadData: not a zip file,
/// damaged, encrypted, compressed by another method, two entries of one name, an entry that is not .npy, or
/// one that claims to unpack to more than deflate can produce.
NpzFiles parse_npz(std::span<const std::byte> bytes, const std::string& name);

/// The bytes of an archive, stored, without timestamps: equal files give equal bytes. Its comment says that
/// this program wrote it. REQUIRES at least one file (zip has no empty archives).
std::vector<std::byte> npz_bytes(const NpzFiles& files);

/// Whether npz_bytes() wrote an archive, judged by its comment.
bool is_own_npz(std::span<const std::byte> bytes);

}  // namespace metalearn
