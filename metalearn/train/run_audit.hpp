// RunAudit: checks whether a run directory, or one snapshot, is intact: every snapshot, manifest.json,
// config.json, metrics.csv, and leftover files.
//
// Reads only, takes no lock and never waits: a run may be training meanwhile, and a snapshot that its
// retention removes between listing and reading is not damage. Functions without state.
#pragma once
#include <string>
#include <vector>

#include "checkpoints/file_system.hpp"

namespace metalearn {

enum class Grade { ok, note, damaged };
const char* to_string(Grade grade);  ///< "ok", "note", "damaged"

struct Finding {
  std::string file;  ///< path
  Grade grade = Grade::ok;
  std::string what;
};

struct RunAudit {
  std::vector<Finding> findings;  ///< snapshots, oldest first, then the other files
  bool whole() const;             ///< nothing is damaged
};

/// Checks user block, checksums, structure, names, and that a run can resume from it. Throws
/// checkpoints::NoInput if there is no such file.
Finding audit_snapshot(const std::string& path,
                       checkpoints::FileSystem& files = checkpoints::posix_file_system());

/// Checks every snapshot; manifest.json: the files it lists exist and are the ones that were saved;
/// config.json: it is a configuration and matches the newest snapshot's (except keys that a resume may
/// change); metrics.csv: its columns, and rows 1, 2, ... without gap or duplicate at least up to the newest
/// snapshot's update (a file that begins later is a note). Later rows are not guaranteed: a killed run may
/// leave anything there, and a resume cuts it off. Throws checkpoints::NoInput if there is no such folder or
/// no snapshot in it.
RunAudit audit_run(const std::string& directory,
                   checkpoints::FileSystem& files = checkpoints::posix_file_system());

}  // namespace metalearn
