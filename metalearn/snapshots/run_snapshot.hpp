// RunSnapshot: a snapshot of a run, read strictly: its checksums match, and it holds nothing that the schema
// (run_state.hpp) does not name, that has another type, or that is not finite.
//
// Reads only, takes no lock: a run may be training meanwhile. Functions without state.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoints/archive.hpp"
#include "checkpoints/file_system.hpp"
#include "checkpoints/run_directory.hpp"
#include "metalearn/config/config.hpp"

namespace metalearn {

struct RunSnapshot {
  std::string path;
  std::uint32_t schema = 0;     ///< version, from the user block
  std::uint64_t bytes = 0;      ///< of the file
  std::int64_t generation = 0;  ///< updates done
  Config config;
  checkpoints::Archive archive;
};

/// Throws checkpoints::NoInput, and BadData naming what is damaged, unknown or invalid.
RunSnapshot read_run_snapshot(const std::string& path,
                              checkpoints::FileSystem& files = checkpoints::posix_file_system(),
                              checkpoints::Links links = checkpoints::Links::followed);

/// Also accepts a model file (model_file.hpp): its names are not checked, and its generation is 0.
RunSnapshot read_any_snapshot(const std::string& path,
                              checkpoints::FileSystem& files = checkpoints::posix_file_system());
/// The same from a file's bytes; name stands for the path.
RunSnapshot parse_any_snapshot(std::span<const std::byte> bytes, const std::string& name);

/// Only its archive.
checkpoints::Archive load_run_snapshot(const std::string& path,
                                       checkpoints::FileSystem& files = checkpoints::posix_file_system());

/// Reads the snapshot found strictly. Throws BadData also if its generation does not match its name.
RunSnapshot run_snapshot(checkpoints::NewestWhole found);

/// checkpoints::newest_whole_snapshot of a run, with its notes. Throws BadData also if that snapshot is
/// invalid in another way: an older one would be no better.
RunSnapshot newest_run_snapshot(const std::string& directory, std::vector<std::string>* notes = nullptr,
                                checkpoints::FileSystem& files = checkpoints::posix_file_system());

/// Throws BadData naming the first array or attribute that a run with this configuration does not have, or
/// that has another type.
void require_known_names(const checkpoints::Archive& archive, const Config& config);

}  // namespace metalearn
