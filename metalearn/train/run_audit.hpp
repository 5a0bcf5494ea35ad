// RunAudit: is a run directory, or one snapshot, whole? Every snapshot, manifest.json, config.json,
// metrics.csv, and what was left over.
//
// Reads only, takes no lock and waits for nobody: a run may be training meanwhile, and what its retention
// takes away between listing and reading is no damage. Functions without state.
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
  bool whole() const;             ///< none is damaged
};

/// User block, checksums, structure, names, and that a run can be continued from it. Throws
/// checkpoints::NoInput where there is no such file.
Finding audit_snapshot(const std::string& path,
                       checkpoints::FileSystem& files = checkpoints::posix_file_system());

/// Every snapshot; manifest.json: that what it lists is there, and the file that was saved; config.json: that
/// it is a configuration, and the newest snapshot's (but for the keys that a resume may change); metrics.csv:
/// its columns, and rows 1, 2, ... without gap or duplicate up to the newest snapshot's update at least (a
/// file that begins later is a note). Rows after that one are not promised: a killed run may leave anything
/// there, and resuming cuts it off. Throws checkpoints::NoInput where there is no such folder or no snapshot
/// in it.
RunAudit audit_run(const std::string& directory,
                   checkpoints::FileSystem& files = checkpoints::posix_file_system());

}  // namespace metalearn
