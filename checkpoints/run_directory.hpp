// RunDirectory: a folder that one process owns while it trains: its lock, its snapshots, which of them are
// kept, and the manifest that lists them.
//
// Snapshots are the only *.h5 files in it. The number in a name is the snapshot's generation
// (snapshot-00000120.h5: after 120 updates); names sort by it, and file times are never consulted. A run that
// ends without a snapshot removes everything it made. Files of other names belong to the user and are never
// touched. The lock is a flock on the file `lock`, which holds the owner's process id: the system releases it
// when the owner ends, in whatever way. Readers need no lock, as snapshots appear and disappear atomically.
// Methods of the owner: one thread at a time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "checkpoints/archive.hpp"
#include "checkpoints/file_system.hpp"
#include "checkpoints/manifest.hpp"

namespace checkpoints {

/// A snapshot found in a run directory.
struct SnapshotEntry {
  std::int64_t update = 0;  ///< its generation
  std::string path;
};

/// Which snapshots are kept after a save, in addition to the one just saved.
struct Retention {
  std::size_t newest = 3;            ///< how many of the newest, >= 1
  std::int64_t every = 0;            ///< also generations that are a multiple of this; 0: none
  std::set<std::int64_t> also = {};  ///< also these, for example the best
};

/// "DIR/snapshot-00000120.h5". REQUIRES 0 <= update <= 99999999.
std::string snapshot_path(const std::string& directory, std::int64_t update);

/// Whether a file of this name belongs to the run: the lock, the manifest, config.json, a snapshot (also one
/// that was set aside), a journal.
bool is_own_file(const std::string& name);

/// All snapshots in a folder, oldest first; none if the folder is missing. Throws NoInput if the folder can't
/// be read.
std::vector<SnapshotEntry> list_snapshots(const std::string& directory,
                                          FileSystem& files = posix_file_system());

/// The newest undamaged snapshot of a folder.
struct NewestWhole {
  SnapshotEntry snapshot;
  std::vector<std::byte> bytes;  ///< of the file
  Archive archive;               ///< its contents
  struct Damaged {
    SnapshotEntry snapshot;
    std::string note;  ///< "FILE: what is wrong, or why it can't be read; using FILE instead"
  };
  std::vector<Damaged> damaged;    ///< newer, damaged ones, newest first
  std::vector<std::string> notes;  ///< such lines about missing snapshots and the manifest
};

/// Throws NoInput if there is no snapshot, the fault of the newest one if all are damaged (BadData, NoInput,
/// IoError), MemoryBudget, NewerSchema. Needs no lock: if the owner saves and removes snapshots meanwhile, it
/// retries.
NewestWhole newest_whole_snapshot(const std::string& directory, FileSystem& files = posix_file_system());

class RunDirectory {
 public:
  /// Creates the folder if missing, locks it and removes temporary files of a killed owner (*.tmp of a
  /// snapshot, a journal, config.json, manifest.json). Throws Busy naming the owner's process, IoError naming
  /// the folder if it can't be created or written.
  static RunDirectory create(const std::string& path, FileSystem& files = posix_file_system());
  /// The same for an existing folder. Throws NoInput if there is none.
  static RunDirectory open(const std::string& path, FileSystem& files = posix_file_system());
  /// Unlocks the folder. If it holds no snapshot: removes the lock file, the files written or adopted, and
  /// the folders created.
  ~RunDirectory();
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&&) = delete;

  const std::string& path() const { return path_; }
  /// "DIR/name"
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::vector<SnapshotEntry> snapshots() const { return list_snapshots(path_, *files_); }

  /// Saves durably, then lists the snapshots to keep in the manifest, then removes the others. Throws
  /// IoError; the older snapshots are then unchanged.
  void save(std::int64_t generation, const Archive& archive, const Retention& retention = {});

  /// Renames a snapshot to *.h5.damaged, so that it no longer counts as a snapshot; the next save removes it
  /// from the manifest. Throws IoError.
  void set_aside(const SnapshotEntry& snapshot);

  /// Declares that a file of this name, written by other code, belongs to the run.
  void adopt(const std::string& name) { own_.insert(name); }

  /// Replaces a small text file, durably.
  void write_text(const std::string& name, const std::string& text);

 private:
  RunDirectory(std::string path, FileSystem& files, std::vector<std::string> made);
  void retire(std::int64_t saved, const Retention& retention);
  Manifest::Entry entry_of(std::int64_t generation) const;
  void write_manifest(const std::set<std::int64_t>& generations);
  void lock();
  bool try_to_lock();
  std::string owner() const;
  void remove_temporaries();
  void read_own_manifest();
  void remove_all() noexcept;

  std::string path_;
  FileSystem* files_;
  std::vector<std::string> made_;  ///< folders, outermost first
  Manifest manifest_;              ///< of the snapshots that this owner has checked or saved
  std::set<std::string> own_;      ///< names of files
  int lock_ = -1;
};

}  // namespace checkpoints
