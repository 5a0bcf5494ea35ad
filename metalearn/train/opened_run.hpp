// OpenedRun: a run before it trains: directory locked, configuration checked, data loaded.
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
  std::optional<TrainerParts> parts;         ///< none if nothing is left to do
  std::optional<checkpoints::Archive> from;  ///< the snapshot to resume from; none for a new run
  std::vector<Event> events;                 ///< for the first progress report
};

/// Opens a new run, as Trainer::start says.
OpenedRun open_new(const Config& config, const std::string& directory, const PartsMaker& make,
                   checkpoints::FileSystem& files);

/// Opens a run to resume, as Trainer::resume says. Renames damaged snapshots to set them aside.
OpenedRun open_again(const std::string& directory, const ConfigChanges& changes, const PartsMaker& make,
                     checkpoints::FileSystem& files);

}  // namespace metalearn
