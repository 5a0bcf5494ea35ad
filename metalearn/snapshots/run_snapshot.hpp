// RunSnapshot: a run's snapshot, read strictly: whole by its checksums, and nothing in it that the schema
// (run_state.hpp) does not name, of another type, or not finite.
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
  std::uint32_t schema = 0;     ///< version, of the user block
  std::uint64_t bytes = 0;      ///< of the file
  std::int64_t generation = 0;  ///< updates done
  Config config;
  checkpoints::Archive archive;
};

/// Throws checkpoints::NoInput, and BadData naming what is damaged, unknown or unfit.
RunSnapshot read_run_snapshot(const std::string& path,
                              checkpoints::FileSystem& files = checkpoints::posix_file_system());

/// The same of a model file (model_file.hpp) too, of which no names are checked and the generation is 0.
RunSnapshot read_any_snapshot(const std::string& path,
                              checkpoints::FileSystem& files = checkpoints::posix_file_system());
/// The same of a file's bytes; name stands for the path.
RunSnapshot parse_any_snapshot(std::span<const std::byte> bytes, const std::string& name);

/// Its archive alone.
checkpoints::Archive load_run_snapshot(const std::string& path,
                                       checkpoints::FileSystem& files = checkpoints::posix_file_system());

/// What was found, read strictly. Throws BadData also where it holds another generation than that of its
/// name.
RunSnapshot run_snapshot(checkpoints::NewestWhole found);

/// checkpoints::newest_whole_snapshot of a run, with its notes. Throws also BadData where that one is unfit
/// otherwise: an older one would not be better.
RunSnapshot newest_run_snapshot(const std::string& directory, std::vector<std::string>* notes = nullptr,
                                checkpoints::FileSystem& files = checkpoints::posix_file_system());

/// Throws BadData naming the first array or attribute that a run's snapshot with this configuration does not
/// have, or has of another type.
void require_known_names(const checkpoints::Archive& archive, const Config& config);

}  // namespace metalearn
