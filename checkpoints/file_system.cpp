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
    const int file = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode);
    if (file < 0 || (flags & O_DIRECTORY) != 0) return file;
    struct stat status;
    const int error = ::fstat(file, &status) != 0 ? errno
                      : S_ISREG(status.st_mode)   ? 0
                      : S_ISDIR(status.st_mode)   ? EISDIR
                                                  : kNotAFile;
    if (error == 0) return file;
    ::close(file);
    errno = error;
    return -1;
  }
  off_t size(int file) override {
    struct stat status;
    return ::fstat(file, &status) == 0 ? status.st_size : -1;
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

std::string reason(int error) {
  return error == kNotAFile ? "is a pipe, a socket or a device, not a file"
         : error == ELOOP   ? "is a symbolic link, which is not followed here, or one that leads nowhere"
                            : std::strerror(error);
}

[[noreturn]] void can_not_read(const std::string& path, int error) {
  const std::string what = fmt::format("{}: can't be read: {}", path, reason(error));
  switch (error) {
    case EIO:
      throw IoError(what + "; check that disk");
    case ENOENT:
    case ENOTDIR:  // of a folder above it
      throw NoSuchFile(what);
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      throw MemoryBudget(what + "; end other programs, or raise the limit (ulimit)");
    default:
      throw NoInput(what);
  }
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
  const char* fix = error == ENOSPC || error == EDQUOT
                        ? "free space on that disk, or write elsewhere (--run, --out)"
                    : error == EIO ? "check that disk, or write elsewhere (--run, --out)"
                    : error == kNotAFile || error == ELOOP || error == EISDIR
                        ? "move away what is there, or write elsewhere (--run, --out)"
                        : "write elsewhere (--run, --out), or change the permissions of this folder";
  return IoError(fmt::format("{}: can't be written: {}: {}; {}", path, step, reason(error), fix));
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

int open_to_read(FileSystem& files, const std::string& path, Links links) {
  const int flags = O_RDONLY | (links == Links::refused ? O_NOFOLLOW : 0);
  const int file = retry([&] { return files.open(path, flags, 0); });
  if (file < 0) can_not_read(path, errno);
  return file;
}

std::vector<std::byte> read_file(FileSystem& files, const std::string& path, Links links, std::size_t most) {
  struct Open {
    ~Open() { close_once(files, id); }
    FileSystem& files;
    const int id;
  } const file{files, open_to_read(files, path, links)};
  const off_t size = files.size(file.id);
  if (size < 0) can_not_read(path, errno);
  constexpr std::size_t kFirstBlock = std::size_t{1} << 20;  // where no size is known beforehand, as in /proc
  const auto require_bounded = [&](std::size_t bytes) {
    if (bytes > most)
      throw BadData(
          fmt::format("{}: holds more than {} bytes, which is more than any file of its kind; name "
                      "another, or move it away",
                      path, most));
  };
  require_bounded(static_cast<std::size_t>(size));
  std::vector<std::byte> bytes(size > 0 ? static_cast<std::size_t>(size) + 1 : kFirstBlock);
  for (std::size_t used = 0;;) {
    const ssize_t got = retry([&] { return files.read(file.id, bytes.data() + used, bytes.size() - used); });
    if (got < 0) can_not_read(path, errno);
    used += static_cast<std::size_t>(got);
    require_bounded(used);  // it may grow meanwhile
    if (got == 0) {
      bytes.resize(used);
      return bytes;
    }
    if (used == bytes.size()) bytes.resize(2 * used);
  }
}

std::optional<std::string> read_text(FileSystem& files, const std::string& path, Links links,
                                     std::size_t most) {
  try {
    const auto bytes = read_file(files, path, links, most);
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } catch (const NoSuchFile&) {
    return {};
  }
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
