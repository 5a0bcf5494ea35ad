// OpenedRun: a run before it trains: its directory locked, its configuration checked, its data loaded.
//
// One thread.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "checkpoints/archive.hpp"
#include "checkpoints/run_directory.hpp"
#include "metalearn/records/event.hpp"
#include "metalearn/train/trainer_parts.hpp"

namespace metalearn {

struct OpenedRun {
  Config config;
  checkpoints::RunDirectory directory;
  std::optional<TrainerParts> parts;         ///< none where nothing is left to do
  std::optional<checkpoints::Archive> from;  ///< the snapshot that it resumes from; none: a new run
  std::vector<Event> events;                 ///< for the first progress report
};

/// A new one, as Trainer::start says.
OpenedRun open_new(const Config& config, const std::string& directory, const PartsMaker& make,
                   checkpoints::FileSystem& files);

/// One to resume, as Trainer::resume says. Snapshots that are not whole are set aside.
OpenedRun open_again(const std::string& directory, const ConfigChanges& changes, const PartsMaker& make,
                     checkpoints::FileSystem& files);

}  // namespace metalearn
