#include "checkpoints/file_system.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "checkpoints/error.hpp"

namespace checkpoints {
namespace {

class PosixFileSystem final : public FileSystem {
 public:
  int open(const std::string& path, int flags, mode_t mode) override {
    return ::open(path.c_str(), flags | O_CLOEXEC, mode);
  }
  ssize_t read(int file, void* to, std::size_t bytes) override { return ::read(file, to, bytes); }
  ssize_t write(int file, const void* from, std::size_t bytes) override { return ::write(file, from, bytes); }
  ssize_t pread(int file, void* to, std::size_t bytes, off_t at) override {
    return ::pread(file, to, bytes, at);
  }
  ssize_t pwrite(int file, const void* from, std::size_t bytes, off_t at) override {
    return ::pwrite(file, from, bytes, at);
  }
  int allocate(int file, off_t bytes) override {
    return (errno = ::posix_fallocate(file, 0, bytes)) == 0 ? 0 : -1;
  }
  int fsync(int file) override { return ::fsync(file); }
  int ftruncate(int file, off_t bytes) override { return ::ftruncate(file, bytes); }
  int flock(int file, int operation) override { return ::flock(file, operation); }
  int close(int file) override { return ::close(file); }
  int rename(const std::string& from, const std::string& to) override {
    return ::rename(from.c_str(), to.c_str());
  }
  int unlink(const std::string& path) override { return ::unlink(path.c_str()); }
  int mkdir(const std::string& path, mode_t mode) override { return ::mkdir(path.c_str(), mode); }
  int rmdir(const std::string& path) override { return ::rmdir(path.c_str()); }
  int stands_at(int file, const std::string& path) override {
    struct stat open_one, standing;
    if (::fstat(file, &open_one) != 0) return -1;
    if (::stat(path.c_str(), &standing) != 0) return errno == ENOENT ? 0 : -1;
    return open_one.st_dev == standing.st_dev && open_one.st_ino == standing.st_ino;
  }
  int is_directory(const std::string& path) override {
    struct stat status;
    return ::stat(path.c_str(), &status) != 0 ? -1 : S_ISDIR(status.st_mode) ? 1 : 0;
  }
  int list(const std::string& directory, std::vector<std::string>& names) override {
    DIR* stream = ::opendir(directory.c_str());
    if (!stream) return -1;
    errno = 0;
    while (const dirent* entry = ::readdir(stream)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    const int error = errno;
    ::closedir(stream);
    errno = error;
    return error == 0 ? 0 : -1;
  }
};

template <class Call>
auto retry(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

[[noreturn]] void fail(const std::string& path, const char* what, int error) {
  throw can_not_write(path, what, error);
}

constexpr std::string_view kTmp = ".tmp";
constexpr int kMaxTemporaries = 10000;  // of one file, at the same time

/// Linux frees the descriptor even if close() is interrupted: closing again could close another thread's
/// file.
int close_once(FileSystem& files, int file) {
  const int result = files.close(file);
  return result < 0 && errno == EINTR ? 0 : result;
}

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem files;
  return files;
}

IoError can_not_write(const std::string& path, const std::string& step, int error) {
  const char* fix =
      error == ENOSPC || error == EDQUOT ? "free space on that disk, or write elsewhere (--run, --out)"
      : error == EIO                     ? "check that disk, or write elsewhere (--run, --out)"
                     : "write elsewhere (--run, --out), or change the permissions of this folder";
  return IoError(fmt::format("{}: can't be written: {}: {}; {}", path, step, std::strerror(error), fix));
}

bool write_all(FileSystem& files, int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = retry([&] { return files.write(file, bytes.data(), bytes.size()); });
    if (written == 0) errno = ENOSPC;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

bool sync_file(FileSystem& files, int file) {
  return retry([&] { return files.fsync(file); }) >= 0;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string temporary_path(const std::string& path, int number) {
  return number == 0 ? fmt::format("{}{}", path, kTmp) : fmt::format("{}.{}{}", path, number, kTmp);
}

std::string name_behind_temporary(const std::string& name) {
  if (!name.ends_with(kTmp)) return "";
  std::string whole = name.substr(0, name.size() - kTmp.size());
  const std::size_t number = whole.find_last_not_of("0123456789");
  if (number != std::string::npos && number + 1 < whole.size() && whole[number] == '.') whole.resize(number);
  return whole;
}

DurableFile::DurableFile(FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {
  for (int number = 0; file_ < 0; ++number) {
    tmp_ = temporary_path(path_, number);
    file_ = retry([&] { return files_.open(tmp_, O_WRONLY | O_CREAT | O_EXCL, 0666); });
    if (file_ < 0 && (errno != EEXIST || number == kMaxTemporaries)) fail(path_, "open", errno);
  }
  is_tmp_there_ = true;
}

DurableFile::~DurableFile() { give_up(); }

void DurableFile::give_up() {
  if (file_ >= 0) close_once(files_, std::exchange(file_, -1));
  if (std::exchange(is_tmp_there_, false)) files_.unlink(tmp_);
}

void DurableFile::write(std::span<const std::byte> bytes) {
  if (!write_all(files_, file_, bytes)) fail_at("write", errno);
}

void DurableFile::commit() {
  if (!sync_file(files_, file_)) fail_at("fsync", errno);
  if (close_once(files_, std::exchange(file_, -1)) < 0) fail_at("close", errno);
  if (files_.rename(tmp_, path_) < 0) fail_at("rename", errno);
  is_tmp_there_ = false;
  sync_directory(files_, directory_of(path_));
}

void DurableFile::fail_at(const char* step, int error) {
  give_up();
  fail(path_, step, error);
}

void write_durably(FileSystem& files, const std::string& path, std::span<const std::byte> bytes) {
  DurableFile file(files, path);
  file.write(bytes);
  file.commit();
}

void sync_directory(FileSystem& files, const std::string& path) {
  const int directory = retry([&] { return files.open(path, O_RDONLY | O_DIRECTORY, 0); });
  if (directory < 0) fail(path, "open", errno);
  const int synced = retry([&] { return files.fsync(directory); });
  const int error = errno;
  close_once(files, directory);
  if (synced < 0 && error != EINVAL)
    fail(path, "fsync", error);  // EINVAL: a file system without fsync of folders
}

std::vector<std::byte> read_file(FileSystem& files, const std::string& path) {
  const auto refuse = [&](int error) {
    const std::string what = fmt::format("{}: can't be read: {}", path, std::strerror(error));
    if (error == EIO) throw IoError(what + "; check that disk");
    throw NoInput(what);
  };
  const int file = retry([&] { return files.open(path, O_RDONLY, 0); });
  if (file < 0) refuse(errno);
  std::vector<std::byte> bytes;
  constexpr std::size_t kFirstBlock = std::size_t{1} << 20;
  for (std::size_t used = 0;;) {
    try {
      if (used == bytes.size()) bytes.resize(std::max(kFirstBlock, 2 * used));
    } catch (...) {
      close_once(files, file);
      throw;
    }
    const ssize_t got = retry([&] { return files.read(file, bytes.data() + used, bytes.size() - used); });
    if (got <= 0) {
      const int error = errno;
      close_once(files, file);
      if (got < 0) refuse(error);
      bytes.resize(used);
      return bytes;
    }
    used += static_cast<std::size_t>(got);
  }
}

std::optional<std::string> read_text(FileSystem& files, const std::string& path) {
  if (files.is_directory(path) < 0 && errno == ENOENT) return {};
  const auto bytes = read_file(files, path);
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::vector<std::string> make_directories(FileSystem& files, const std::string& path) {
  if (path.empty() || files.is_directory(path) == 1) return {};
  const std::string parent = directory_of(path);
  std::vector<std::string> made;
  if (parent != path) made = make_directories(files, parent);
  try {
    if (files.mkdir(path, 0777) == 0) {
      made.push_back(path);
      sync_directory(files, parent);
    } else if (errno != EEXIST ||
               files.is_directory(path) != 1) {  // EEXIST: another process created it first
      throw can_not_write(path, "mkdir", errno == EEXIST ? ENOTDIR : errno);
    }
  } catch (...) {
    for (auto folder = made.rbegin(); folder != made.rend(); ++folder) files.rmdir(*folder);
    throw;
  }
  return made;
}

}  // namespace checkpoints
