// Run folder: may a new run start in a folder? Only if it overwrites nothing of the user's. Reads only;
// functions without state.
#pragma once
#include <string>

namespace metalearn {

/// Throws checkpoints::UsageError if the folder holds snapshots (naming `metalearn resume`), a metrics.csv,
/// steps.csv, evaluations.csv or log.csv that has rows or is not a run's, or a config.json that is not a
/// run's. A folder that is missing or unreadable passes: creating it gives the better error.
void require_free(const std::string& directory);

}  // namespace metalearn
