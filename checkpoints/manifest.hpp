// Manifest: manifest.json of a run directory: which generations its owner keeps, and the size and checksum of
// each.
//
// A generation is the number in a snapshot's name: the state after that many updates. The snapshots
// themselves are authoritative; the manifest shows whether one is missing or was replaced by another file.
// File times are never consulted. Functions without state: any thread may use them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "checkpoints/file_system.hpp"

namespace checkpoints {

/// Eight digits, so that file names sort by generation.
inline constexpr std::int64_t kMaxGeneration = 99999999;

struct Manifest {
  struct Entry {
    std::uint64_t bytes = 0;     ///< of the file
    std::uint32_t checksum = 0;  ///< the user block's own checksum (FORMAT.md), which covers the checksum
                                 ///< of the body: different snapshots differ here
    bool operator==(const Entry&) const = default;
  };
  std::map<std::int64_t, Entry> generations;
  bool operator==(const Manifest&) const = default;
};

/// Its name in a run directory.
inline constexpr char kManifestName[] = "manifest.json";

/// The entry of the snapshot with these bytes.
Manifest::Entry manifest_entry(std::span<const std::byte> snapshot);

/// JSON text, with a checksum of its own.
std::string to_text(const Manifest& manifest);

/// Throws BadData naming the file: not JSON, not a manifest, a wrong checksum, a generation out of range, a
/// newer schema.
Manifest manifest_from(const std::string& text, const std::string& name);

/// The manifest of a run directory; empty if it has none (a run of an older program). Throws BadData if it is
/// damaged, NoInput if it can't be read.
std::optional<Manifest> read_manifest(const std::string& directory, FileSystem& files = posix_file_system());

}  // namespace checkpoints
