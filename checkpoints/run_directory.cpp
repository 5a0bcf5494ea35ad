#include "checkpoints/run_directory.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <exception>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include "checkpoints/error.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "checkpoints/unroll_journal_file.hpp"

namespace checkpoints {
namespace {

constexpr char kPrefix[] = "snapshot-", kSuffix[] = ".h5", kSetAside[] = ".damaged";
constexpr char kLockName[] = "lock", kConfigName[] = "config.json";

std::string snapshot_name(std::int64_t update) { return fmt::format("{}{:08}{}", kPrefix, update, kSuffix); }

std::optional<std::int64_t> update_of(const std::string& name) {
  std::int64_t update = 0;
  const std::size_t begin = sizeof kPrefix - 1;
  if (name.size() <= begin) return {};
  std::from_chars(name.data() + begin, name.data() + name.size(), update);
  if (update < 0 || update > kMaxGeneration || name != snapshot_name(update)) return {};
  return update;
}

[[noreturn]] void fail(const std::string& path, const char* what, int error) {
  throw can_not_write(path, what, error);
}

/// Whether this is the id of a running process.
bool is_alive(const std::string& process) {
  pid_t number = 0;
  std::from_chars(process.data(), process.data() + process.size(), number);
  return number > 0 && (::kill(number, 0) == 0 || errno == EPERM);
}

/// Whether the file is replaced atomically, through NAME.tmp.
bool is_replaced_whole(const std::string& name) {
  return name == kConfigName || name == kManifestName || update_of(name) || is_journal_name(name);
}

/// Whether it is a temporary file that a killed owner may leave.
bool is_own_temporary(const std::string& name) { return is_replaced_whole(name_behind_temporary(name)); }

}  // namespace

bool is_own_file(const std::string& name) {
  const bool set_aside = name.ends_with(kSetAside);
  return name == kLockName || is_replaced_whole(name) ||
         (set_aside && update_of(name.substr(0, name.size() - (sizeof kSetAside - 1))));
}

std::string snapshot_path(const std::string& directory, std::int64_t update) {
  if (update < 0 || update > kMaxGeneration)
    throw std::invalid_argument(
        fmt::format("[snapshot_path] expected an update in 0..{}, found {}", kMaxGeneration, update));
  return directory + "/" + snapshot_name(update);
}

std::vector<SnapshotEntry> list_snapshots(const std::string& directory, FileSystem& files) {
  std::vector<std::string> names;
  if (files.list(directory, names) < 0) {
    if (errno == ENOENT) return {};
    throw NoInput(fmt::format("{}: can't be read as a run directory: {}", directory, std::strerror(errno)));
  }
  std::vector<SnapshotEntry> found;
  for (const auto& name : names)
    if (auto update = update_of(name)) found.push_back({*update, directory + "/" + name});
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.update < b.update; });
  return found;
}

namespace {

/// Newer generations that the manifest lists but are missing. An owner removes snapshots from the manifest
/// before it deletes them, so for those a second call finds nothing.
std::vector<std::int64_t> missing_generations(const std::string& directory, std::int64_t newer_than,
                                              FileSystem& files) {
  std::vector<std::int64_t> missing;
  const auto manifest = read_manifest(directory, files);
  if (!manifest) return missing;
  for (auto listed = manifest->generations.upper_bound(newer_than); listed != manifest->generations.end();
       ++listed)
    if (files.is_directory(snapshot_path(directory, listed->first)) < 0 && errno == ENOENT)
      missing.push_back(listed->first);
  return missing;
}

std::vector<std::string> manifest_notes(const std::string& directory, const SnapshotEntry& chosen,
                                        std::span<const std::byte> bytes, FileSystem& files) {
  std::vector<std::string> notes;
  try {
    const auto manifest = read_manifest(directory, files);
    if (!manifest) return notes;
    const auto missing = missing_generations(directory, chosen.update, files);
    const auto still = missing.empty() ? missing : missing_generations(directory, chosen.update, files);
    for (const auto generation : missing)
      if (std::count(still.begin(), still.end(), generation) > 0)
        notes.push_back(fmt::format("{}: is listed in {} but missing; using {} instead",
                                    snapshot_path(directory, generation), kManifestName, chosen.path));
    const auto listed = manifest->generations.find(chosen.update);
    if (listed != manifest->generations.end() && listed->second != manifest_entry(bytes))
      notes.push_back(
          fmt::format("{}: is undamaged, but not the file that {} lists", chosen.path, kManifestName));
  } catch (const Error& e) {
    notes.push_back(
        fmt::format("{}; using the snapshots themselves, and the next save rewrites it", e.what()));
  }
  return notes;
}

/// Empty if a snapshot was removed between listing and reading.
std::optional<NewestWhole> try_newest_whole(const std::string& directory, FileSystem& files) {
  const auto entries = list_snapshots(directory, files);
  if (entries.empty())
    throw NoInput(fmt::format(
        "{0}: holds no snapshots; name a run directory, or start a run with `metalearn train --run {0}`",
        directory));
  NewestWhole found;
  std::exception_ptr newest_fault;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    try {
      found.bytes = read_file(files, entry->path, Links::refused);
      found.archive = parse_snapshot(found.bytes, entry->path);
    } catch (const NoSuchFile&) {
      return {};
    } catch (const NewerSchema&) {
      throw;
    } catch (const MemoryBudget&) {  // says nothing about the file
      throw;
    } catch (const Error& e) {
      found.damaged.push_back({*entry, e.what()});
      if (!newest_fault) newest_fault = std::current_exception();
      continue;
    }
    found.snapshot = *entry;
    for (auto& damaged : found.damaged) damaged.note += fmt::format("; using {} instead", entry->path);
    found.notes = manifest_notes(directory, *entry, found.bytes, files);
    return found;
  }
  std::rethrow_exception(newest_fault);
}

}  // namespace

NewestWhole newest_whole_snapshot(const std::string& directory, FileSystem& files) {
  // The owner may save and remove snapshots faster than they are read here, and a listing made meanwhile may
  // show neither the old nor the new snapshot: retries, a limited number of times.
  constexpr int kAttempts = 100;
  for (int attempt = 1;; ++attempt) {
    try {
      if (auto found = try_newest_whole(directory, files)) return std::move(*found);
    } catch (const NoInput&) {
      if (attempt == kAttempts || files.is_directory(directory + "/" + kManifestName) != 0) throw;
      continue;
    }
    if (attempt == kAttempts)
      throw NoInput(fmt::format("{}: its snapshots were removed while being read; stop the run, or try again",
                                directory));
  }
}

RunDirectory RunDirectory::create(const std::string& path, FileSystem& files) {
  auto made = make_directories(files, path);
  return {path, files, std::move(made)};
}

RunDirectory RunDirectory::open(const std::string& path, FileSystem& files) {
  if (const int found = files.is_directory(path); found != 1)
    throw NoInput(fmt::format("{}: no such run directory: {}", path,
                              found == 0 ? "it is a file" : std::strerror(errno)));
  return {path, files, {}};
}

RunDirectory::RunDirectory(std::string path, FileSystem& files, std::vector<std::string> made)
    : path_(std::move(path)), files_(&files), made_(std::move(made)) {
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  try {
    lock();
    remove_temporaries();
    read_own_manifest();
  } catch (...) {
    remove_all();
    throw;
  }
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::move(other.path_)),
      files_(other.files_),
      made_(std::move(other.made_)),
      manifest_(std::move(other.manifest_)),
      own_(std::move(other.own_)),
      lock_(std::exchange(other.lock_, -1)) {
  other.made_.clear();
}

RunDirectory::~RunDirectory() { remove_all(); }

/// Unlocks the folder, and removes everything if it holds no snapshot.
void RunDirectory::remove_all() noexcept {
  try {
    if (lock_ >= 0) {
      if (snapshots().empty()) {
        for (const auto& name : own_) files_->unlink(file(name));
        files_->unlink(file(kLockName));  // still locked: a process that waits for it finds the name
                                          // gone, and creates another file
      }
      files_->close(std::exchange(lock_, -1));
    }
    for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder)
      files_->rmdir(*folder);  // fails if the folder is not empty
  } catch (...) {
    if (lock_ >= 0) files_->close(std::exchange(lock_, -1));
  }
}

void RunDirectory::lock() {
  while (!try_to_lock()) {
  }
}

/// The process that holds the lock. The owner writes its id right after locking, replacing that of the
/// previous owner: waits briefly for it.
std::string RunDirectory::owner() const {
  for (int attempt = 0; attempt < 20; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    try {
      if (const std::string number = read_text(*files_, file(kLockName), Links::refused).value_or("");
          is_alive(number))
        return number;
    } catch (const Error&) {
    }
  }
  return "?";
}

/// False if the previous owner removed the lock file between opening and locking.
bool RunDirectory::try_to_lock() {
  const std::string name = file(kLockName);
  const int lock_file = files_->open(name, O_RDWR | O_CREAT | O_NOFOLLOW, 0666);
  if (lock_file < 0) fail(path_, "open lock", errno);
  if (files_->flock(lock_file, LOCK_EX | LOCK_NB) < 0) {
    const int error = errno;
    files_->close(lock_file);
    if (error != EWOULDBLOCK) fail(path_, "flock", error);
    throw Busy(fmt::format(
        "{}: process {} is using this run directory; wait for it to end, or choose another", path_, owner()));
  }
  const std::string self = std::to_string(::getpid());
  const int stands = files_->stands_at(lock_file, name);
  if (stands <= 0 || files_->ftruncate(lock_file, 0) < 0 ||
      files_->write(lock_file, self.data(), self.size()) != static_cast<ssize_t>(self.size())) {
    const int error = errno;
    files_->close(lock_file);
    if (stands == 0) return false;
    fail(path_, "write lock", error);
  }
  lock_ = lock_file;
  return true;
}

void RunDirectory::remove_temporaries() {
  std::vector<std::string> names;
  if (files_->list(path_, names) < 0) fail(path_, "list", errno);
  for (const auto& name : names)
    if (is_own_temporary(name) && files_->unlink(file(name)) < 0) fail(path_, "unlink", errno);
}

/// Keeps only entries that match the files: a snapshot may have been saved again since, or be missing. The
/// next save reads the other entries from the files.
void RunDirectory::read_own_manifest() {
  try {
    manifest_ = read_manifest(path_, *files_).value_or(Manifest{});
  } catch (const Error&) {
    return;
  }
  std::erase_if(manifest_.generations, [&](const auto& listed) {
    try {
      return entry_of(listed.first) != listed.second;
    } catch (const Error&) {
      return true;
    }
  });
}

Manifest::Entry RunDirectory::entry_of(std::int64_t generation) const {
  return manifest_entry(read_file(*files_, snapshot_path(path_, generation), Links::refused));
}

/// Lists those of these generations, all of which exist, that can be read.
void RunDirectory::write_manifest(const std::set<std::int64_t>& generations) {
  Manifest next;
  for (const auto generation : generations) {
    const auto known = manifest_.generations.find(generation);
    try {
      next.generations[generation] =
          known != manifest_.generations.end() ? known->second : entry_of(generation);
    } catch (const NoSuchFile&) {
      throw;
    } catch (const NoInput&) {  // a folder or a link of that name, or no permission
    }
  }
  manifest_ = next;
  write_text(kManifestName, to_text(manifest_));
}

void RunDirectory::set_aside(const SnapshotEntry& snapshot) {
  if (files_->rename(snapshot.path, snapshot.path + kSetAside) < 0) fail(snapshot.path, "rename", errno);
  sync_directory(*files_, path_);
  manifest_.generations.erase(snapshot.update);
}

void RunDirectory::save(std::int64_t generation, const Archive& archive, const Retention& retention) {
  if (retention.newest < 1 || retention.every < 0)
    throw std::invalid_argument(
        fmt::format("[RunDirectory::save] expected newest >= 1 and every >= 0, found {} and {}",
                    retention.newest, retention.every));
  const std::string path = snapshot_path(path_, generation);
  const auto bytes = snapshot_bytes(archive);
  write_durably(*files_, path, bytes);
  manifest_.generations[generation] = manifest_entry(bytes);

  try {
    retire(generation, retention);
  } catch (const NoInput& e) {  // of a folder or file that was just written: a disk error
    throw IoError(e.what());
  }
}

/// Lists the kept snapshots, then removes the others: a crash in between leaves too many, never too few.
void RunDirectory::retire(std::int64_t saved, const Retention& retention) {
  std::set<std::int64_t> kept;
  std::vector<SnapshotEntry> retired;
  const auto all = snapshots();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto g = all[i].update;
    const bool stays = all.size() - i <= retention.newest || g == saved ||
                       (retention.every > 0 && g % retention.every == 0) || retention.also.count(g);
    if (stays)
      kept.insert(g);
    else
      retired.push_back(all[i]);
  }
  write_manifest(kept);
  for (const auto& snapshot : retired)
    if (files_->unlink(snapshot.path) < 0 && errno != ENOENT && errno != EISDIR)
      fail(snapshot.path, "unlink", errno);
}

void RunDirectory::write_text(const std::string& name, const std::string& text) {
  own_.insert(name);
  write_durably(*files_, file(name), std::as_bytes(std::span(text)));
}

}  // namespace checkpoints
