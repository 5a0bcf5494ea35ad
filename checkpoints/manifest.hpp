// Manifest: manifest.json of a run directory: which generations its owner keeps, and which bytes each of them
// has.
//
// A generation is the number in a snapshot's name: the state after that many updates. The snapshots
// themselves are the truth; the manifest is what shows that one is missing, or is another file than the one
// that was saved. Numbers only, never file times. Functions without state: any thread may use them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "checkpoints/file_system.hpp"

namespace checkpoints {

/// Eight digits, so that names sort by it.
inline constexpr std::int64_t kMaxGeneration = 99999999;

struct Manifest {
  struct Entry {
    std::uint64_t bytes = 0;     ///< of the file
    std::uint32_t checksum = 0;  ///< the user block's own checksum (FORMAT.md), which covers that of the
                                 ///< body: two snapshots that differ differ here
    bool operator==(const Entry&) const = default;
  };
  std::map<std::int64_t, Entry> generations;
  bool operator==(const Manifest&) const = default;
};

/// Its name in a run directory.
inline constexpr char kManifestName[] = "manifest.json";

/// The entry of a snapshot with these bytes.
Manifest::Entry manifest_entry(std::span<const std::byte> snapshot);

/// JSON text, with a checksum of its own.
std::string to_text(const Manifest& manifest);

/// Throws BadData with the name: not JSON, not a manifest, another checksum, a generation out of range, a
/// newer schema.
Manifest manifest_from(const std::string& text, const std::string& name);

/// That of a run directory; empty where it has none (a run of an older program). Throws BadData where it is
/// damaged, NoInput where it can't be read.
std::optional<Manifest> read_manifest(const std::string& directory, FileSystem& files = posix_file_system());

}  // namespace checkpoints
