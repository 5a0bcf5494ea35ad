// RunDirectory: a folder that one process owns while it trains: its lock, its snapshots, which of them stay,
// and the manifest that lists them.
//
// Snapshots are the only *.h5 files in it. The number in a name is the snapshot's generation
// (snapshot-00000120.h5: after 120 updates); names sort by it, and file times are never asked. A run that
// ends without a snapshot leaves nothing behind that it made. Files of other names are the user's and are
// never touched. The lock is a flock on the file `lock`, which holds the owner's process id: it goes when the
// owner goes, however that happens. Readers need no lock, as a snapshot is there whole or not at all. Owner's
// methods: one thread at a time.
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

/// Which snapshots stay after a save, beside the one just saved.
struct Retention {
  std::size_t newest = 3;            ///< the newest so many, >= 1
  std::int64_t every = 0;            ///< generations that are a multiple of this; 0: none
  std::set<std::int64_t> also = {};  ///< for example the best
};

/// "DIR/snapshot-00000120.h5". REQUIRES 0 <= update <= 99999999.
std::string snapshot_path(const std::string& directory, std::int64_t update);

/// Whether a file of this name in a run directory is its own: the lock, the manifest, config.json, a snapshot
/// (also one that was set aside), a journal.
bool is_own_file(const std::string& name);

/// All snapshots in a folder, oldest first; none where the folder is missing. Throws NoInput where the folder
/// can't be read.
std::vector<SnapshotEntry> list_snapshots(const std::string& directory,
                                          FileSystem& files = posix_file_system());

/// The newest snapshot of a folder that is whole.
struct NewestWhole {
  SnapshotEntry snapshot;
  std::vector<std::byte> bytes;  ///< of the file
  Archive archive;               ///< what it holds
  struct Damaged {
    SnapshotEntry snapshot;
    std::string note;  ///< "FILE: what is wrong; using FILE instead"
  };
  std::vector<Damaged> damaged;    ///< newer ones that are not whole, newest first
  std::vector<std::string> notes;  ///< one such line for each that the manifest lists but is not there
};

/// Throws NoInput where there is no snapshot or one can't be read, BadData where none is whole (saying what
/// is wrong with the newest), NewerSchema. Needs no lock: where its owner saves and removes meanwhile, it
/// looks again.
NewestWhole newest_whole_snapshot(const std::string& directory, FileSystem& files = posix_file_system());

class RunDirectory {
 public:
  /// Makes the folder if missing, locks it and removes what a killed owner left half written (*.tmp of a
  /// snapshot, a journal, config.json, manifest.json). Throws Busy naming the owner's process, IoError naming
  /// the folder where it can't be made or written.
  static RunDirectory create(const std::string& path, FileSystem& files = posix_file_system());
  /// The same for a folder that must be there already: throws NoInput where it is not.
  static RunDirectory open(const std::string& path, FileSystem& files = posix_file_system());
  /// Where no snapshot is in it: removes the lock, the files written or adopted, and the folders made.
  ~RunDirectory();
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&&) = delete;

  const std::string& path() const { return path_; }
  /// "DIR/name"
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::vector<SnapshotEntry> snapshots() const { return list_snapshots(path_, *files_); }

  /// Saves durably, then lists in the manifest what is to stay, then removes the other snapshots. Throws
  /// IoError; the older snapshots are then still there, whole.
  void save(std::int64_t generation, const Archive& archive, const Retention& retention = {});

  /// Renames a snapshot to *.h5.damaged, so that it is none any more; the next save leaves it out of the
  /// manifest. Throws IoError.
  void set_aside(const SnapshotEntry& snapshot);

  /// Says that a file of this name, which another writer makes, belongs to the run.
  void adopt(const std::string& name) { own_.insert(name); }

  /// Replaces a small text file, durably.
  void write_text(const std::string& name, const std::string& text);

 private:
  RunDirectory(std::string path, FileSystem& files, std::vector<std::string> made);
  void retire(std::int64_t saved, const Retention& retention);
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
  Manifest manifest_;              ///< as far as this owner knows the files
  std::set<std::string> own_;      ///< names of files
  int lock_ = -1;
};

}  // namespace checkpoints
