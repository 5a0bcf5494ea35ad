// PowerLossFileSystem: a disk in memory that knows what a power loss may take: bytes that no fsync of their
// file, and names that no fsync of their folder, made durable.
//
// Every change is recorded. crash_states(n) gives the disks that a machine may find which lost its power
// after the first n changes: of the changes that were not made durable, names in any subset (a few: all of
// them), each an atomic step; bytes dropped, kept, zeroed, or torn. System calls from any thread, one at a
// time; the rest from one thread.
#pragma once
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "checkpoints/file_system.hpp"

namespace checkpoints::test {

class PowerLossFileSystem final : public FileSystem {
 public:
  /// A file or a folder.
  struct Node {
    bool is_folder = false;
    std::string bytes;
    std::map<std::string, std::size_t> names;
    bool operator==(const Node&) const = default;
  };
  using Disk = std::vector<Node>;  ///< the root is node 0

  explicit PowerLossFileSystem(Disk disk = {{true, {}, {}}}) : start_(disk), now_(std::move(disk)) {}
  PowerLossFileSystem(const PowerLossFileSystem&) = delete;
  std::size_t changes() const { return log_.size(); }
  std::size_t longest_write = SIZE_MAX;

  /// Calls visit with each disk that a loss of power after the first `count` changes may leave.
  void crash_states(std::size_t count, const std::function<void(const Disk&)>& visit) const {
    Disk durable = start_;
    std::vector<Change> names, bytes;  // not durable yet
    for (std::size_t i = 0; i < count; ++i) {
      const Change& change = log_[i];
      if (change.kind == Change::made) durable.push_back({change.is_folder, {}, {}});
      if (change.kind == Change::named) names.push_back(change);
      if (change.kind == Change::written || change.kind == Change::resized) bytes.push_back(change);
      if (change.kind == Change::synced)
        for (auto* pending : {&names, &bytes}) {
          for (const Change& p : *pending)
            if (p.node == change.node) apply(durable, p);
          std::erase_if(*pending, [&](const Change& p) { return p.node == change.node; });
        }
    }
    for (const auto& subset : subsets(names.size())) {
      Disk disk = durable;
      for (std::size_t i : subset) apply(disk, names[i]);
      visit_bytes(disk, bytes, visit);
    }
  }

  /// What can be reached of a disk, for telling disks apart.
  static std::string contents(const Disk& disk, std::size_t node = 0, const std::string& path = "") {
    std::string text = path + (disk[node].is_folder ? "/" : ":") + disk[node].bytes + "\n";
    for (const auto& [name, child] : disk[node].names) text += contents(disk, child, path + "/" + name);
    return text;
  }

  int open(const std::string& path, int flags, mode_t) override {
    const std::lock_guard lock(mutex_);
    std::size_t node = find(path);
    if (node == kNone && !(flags & O_CREAT)) return error(ENOENT);
    if (node == kNone) {
      const std::size_t folder = find(directory_of(path));
      if (folder == kNone) return error(ENOENT);
      node = make(false);
      name(folder, "", name_of(path), node);
    }
    if ((flags & O_DIRECTORY) && !now_[node].is_folder) return error(ENOTDIR);
    if ((flags & O_TRUNC) && !now_[node].bytes.empty()) record({Change::resized, node});
    open_.push_back({node, 0, (flags & O_APPEND) != 0});
    return static_cast<int>(open_.size() - 1);
  }
  off_t size(int file) override {
    const std::lock_guard lock(mutex_);
    return static_cast<off_t>(now_[open_[static_cast<std::size_t>(file)].node].bytes.size());
  }
  ssize_t read(int file, void* to, std::size_t count) override {
    const std::lock_guard lock(mutex_);
    auto& [node, at, appends] = open_[static_cast<std::size_t>(file)];
    const std::string& bytes = now_[node].bytes;
    const std::size_t got = std::min(count, bytes.size() - std::min(at, bytes.size()));
    std::memcpy(to, bytes.data() + at, got);
    at += got;
    return static_cast<ssize_t>(got);
  }
  ssize_t write(int file, const void* from, std::size_t count) override {
    const std::lock_guard lock(mutex_);
    auto& [node, at, appends] = open_[static_cast<std::size_t>(file)];
    if (appends) at = now_[node].bytes.size();
    Change change{Change::written, node};
    change.bytes.assign(static_cast<const char*>(from), std::min(count, longest_write));
    change.offset = at;
    at += change.bytes.size();
    const auto written = static_cast<ssize_t>(change.bytes.size());
    record(std::move(change));
    return written;
  }
  ssize_t pread(int, void*, std::size_t, off_t) override {
    return unused();
  }  // scratch files promise nothing
  ssize_t pwrite(int, const void*, std::size_t, off_t) override { return unused(); }
  int allocate(int, off_t) override { return unused(); }
  int fsync(int file) override {
    const std::lock_guard lock(mutex_);
    return record({Change::synced, open_[static_cast<std::size_t>(file)].node});
  }
  int ftruncate(int file, off_t count) override {
    const std::lock_guard lock(mutex_);
    Change change{Change::resized, open_[static_cast<std::size_t>(file)].node};
    change.offset = static_cast<std::size_t>(count);
    return record(std::move(change));
  }
  int flock(int, int) override { return 0; }
  int close(int) override { return 0; }
  int rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mutex_);
    const std::size_t node = find(from), folder = find(directory_of(to));
    if (node == kNone || folder == kNone || folder != find(directory_of(from))) return error(ENOENT);
    return name(folder, name_of(from), name_of(to), node);
  }
  int unlink(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    return find(path) == kNone ? error(ENOENT) : name(find(directory_of(path)), name_of(path), "", 0);
  }
  int mkdir(const std::string& path, mode_t) override {
    const std::lock_guard lock(mutex_);
    const std::size_t folder = find(directory_of(path));
    if (folder == kNone || find(path) != kNone) return error(folder == kNone ? ENOENT : EEXIST);
    return name(folder, "", name_of(path), make(true));
  }
  int rmdir(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    const std::size_t node = find(path);
    if (node == kNone || !now_[node].names.empty()) return error(node == kNone ? ENOENT : ENOTEMPTY);
    return unlink(path);
  }
  int stands_at(int file, const std::string& path) override {
    const std::lock_guard lock(mutex_);
    return open_[static_cast<std::size_t>(file)].node == find(path);
  }
  int is_directory(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    const std::size_t node = find(path);
    return node == kNone ? error(ENOENT) : now_[node].is_folder;
  }
  int list(const std::string& path, std::vector<std::string>& names) override {
    const std::lock_guard lock(mutex_);
    const std::size_t node = find(path);
    if (node == kNone) return error(ENOENT);
    for (const auto& entry : now_[node].names) names.push_back(entry.first);
    return 0;
  }

 private:
  static int unused() {
    errno = ENOSYS;
    return -1;
  }
  static constexpr std::size_t kNone = SIZE_MAX;

  struct Change {
    enum Kind { made, named, written, resized, synced } kind;
    std::size_t node = 0;    ///< what is changed: a file, or the folder whose names change
    bool is_folder = false;  ///< made
    std::size_t offset = 0;  ///< written: where; resized: to how many bytes
    std::string bytes{};
    std::string gone{},
        come{};              ///< named: the name that goes and the one that comes, in one step; empty: none
    std::size_t target = 0;  ///< named: what gets the name
  };

  static int error(int code) {
    errno = code;
    return -1;
  }
  static std::string name_of(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

  static void apply(Disk& disk, const Change& change) {
    Node& node = disk[change.node];
    if (change.kind == Change::named) {
      if (!change.gone.empty()) node.names.erase(change.gone);
      if (!change.come.empty()) node.names[change.come] = change.target;
    } else if (change.kind == Change::resized) {
      node.bytes.resize(change.offset);
    } else if (change.kind == Change::written) {
      node.bytes.resize(std::max(node.bytes.size(), change.offset + change.bytes.size()));
      node.bytes.replace(change.offset, change.bytes.size(), change.bytes);
    }
  }

  int record(Change change) {
    apply(now_, change);
    log_.push_back(std::move(change));
    return 0;
  }
  std::size_t make(bool is_folder) {
    now_.push_back({is_folder, {}, {}});
    log_.push_back({Change::made, now_.size() - 1, is_folder});
    return now_.size() - 1;
  }
  int name(std::size_t folder, const std::string& gone, const std::string& come, std::size_t target) {
    Change change{Change::named, folder};
    change.gone = gone, change.come = come, change.target = target;
    return record(std::move(change));
  }

  std::size_t find(const std::string& path) const {
    std::size_t node = 0;
    for (std::size_t begin = 0; begin < path.size();) {
      const std::size_t end = std::min(path.find('/', begin), path.size());
      if (const std::string part = path.substr(begin, end - begin); !part.empty() && part != ".") {
        const auto found = now_[node].names.find(part);
        if (found == now_[node].names.end()) return kNone;
        node = found->second;
      }
      begin = end + 1;
    }
    return node;
  }

  /// All subsets of up to six things; of more, all that happened in order up to some moment, and those with
  /// one left out.
  static std::vector<std::vector<std::size_t>> subsets(std::size_t count) {
    std::vector<std::vector<std::size_t>> found;
    if (count <= 6) {
      for (std::size_t mask = 0; mask < std::size_t{1} << count; ++mask) {
        found.emplace_back();
        for (std::size_t i = 0; i < count; ++i)
          if (mask >> i & 1) found.back().push_back(i);
      }
      return found;
    }
    for (std::size_t length = 0; length <= count; ++length)
      for (std::size_t left_out = 0; left_out <= length; ++left_out) {
        found.emplace_back();
        for (std::size_t i = 0; i < length; ++i)
          if (i != left_out) found.back().push_back(i);
      }
    return found;
  }

  static void visit_bytes(const Disk& disk, const std::vector<Change>& pending,
                          const std::function<void(const Disk&)>& visit) {
    visit(disk);  // dropped
    if (pending.empty()) return;
    Disk kept = disk;
    for (const Change& change : pending) apply(kept, change);
    visit(kept);
    std::map<std::size_t, std::size_t> begin;  // of what each file may lose: what was durable before stays
    for (const Change& change : pending) {
      const auto [place, is_new] = begin.try_emplace(change.node, change.offset);
      place->second = std::min(place->second, change.offset);
    }
    constexpr std::size_t kParts = 16;  // a block of the disk is a part of that: the ones before the tear
                                        // arrived, and the others not, or as zeros; or one alone did not
    for (std::size_t part = 0; part < kParts; ++part) {
      Disk torn = kept, zeroed = kept, hole = kept;
      for (const auto& [node, first] : begin) {
        if (kept[node].bytes.size() <= first) continue;
        const std::size_t size = kept[node].bytes.size() - first, from = first + size * part / kParts,
                          to = first + size * (part + 1) / kParts;
        torn[node].bytes.resize(from);
        std::fill(zeroed[node].bytes.begin() + static_cast<std::ptrdiff_t>(from), zeroed[node].bytes.end(),
                  '\0');
        std::fill(hole[node].bytes.begin() + static_cast<std::ptrdiff_t>(from),
                  hole[node].bytes.begin() + static_cast<std::ptrdiff_t>(to), '\0');
      }
      visit(torn);
      visit(zeroed);
      visit(hole);
    }
  }

  Disk start_, now_;
  std::vector<Change> log_;
  struct Open {
    std::size_t node = 0, at = 0;
    bool appends = false;
  };
  std::vector<Open> open_;
  std::recursive_mutex mutex_;  ///< of every system call
};

}  // namespace checkpoints::test
