// Run folder: may a new run be started in a folder? Only where it destroys nothing of the user's. Reads only;
// functions without state.
#pragma once
#include <string>

namespace metalearn {

/// Throws checkpoints::UsageError where the folder holds snapshots (naming `metalearn resume`), a
/// metrics.csv, steps.csv, evaluations.csv or log.csv with rows or that is none of ours, or a config.json
/// that is none of ours. A folder that is missing, or that can't be read, is free: making it one says better
/// what is wrong.
void require_free(const std::string& directory);

}  // namespace metalearn
