// FileSystem: the one seam through which this library makes system calls, so that a test can fail any of
// them; and durable writing on top of it.
//
// Every method is the POSIX call of that name: -1 and errno on failure. The POSIX implementation has no
// state: any thread may use it.
#pragma once
#include <fcntl.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoints/error.hpp"

namespace checkpoints {

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual int open(const std::string& path, int flags, mode_t mode) = 0;
  virtual ssize_t read(int file, void* to, std::size_t bytes) = 0;
  virtual ssize_t write(int file, const void* from, std::size_t bytes) = 0;
  virtual ssize_t pread(int file, void* to, std::size_t bytes, off_t at) = 0;
  virtual ssize_t pwrite(int file, const void* from, std::size_t bytes, off_t at) = 0;
  /// posix_fallocate, with -1 and errno on failure: room on the disk for the first so many bytes.
  virtual int allocate(int file, off_t bytes) = 0;
  virtual int fsync(int file) = 0;
  virtual int ftruncate(int file, off_t bytes) = 0;
  virtual int flock(int file, int operation) = 0;
  virtual int close(int file) = 0;
  virtual int rename(const std::string& from, const std::string& to) = 0;
  virtual int unlink(const std::string& path) = 0;
  virtual int mkdir(const std::string& path, mode_t mode) = 0;
  virtual int rmdir(const std::string& path) = 0;
  /// 1 where the open file is what stands at path.
  virtual int stands_at(int file, const std::string& path) = 0;
  /// 1 a folder, 0 something else.
  virtual int is_directory(const std::string& path) = 0;
  /// Names in a folder but . and .., in no particular order.
  virtual int list(const std::string& directory, std::vector<std::string>& names) = 0;
};

/// The real one.
FileSystem& posix_file_system();

/// The IoError of a failed write: "PATH: can't be written: STEP: reason; what to do about it".
IoError can_not_write(const std::string& path, const std::string& step, int error);

/// write_durably(), bytes after bytes. Where anything throws, and where it is destroyed before commit(), the
/// temporary file goes and the old one stays.
class DurableFile {
 public:
  /// Throws IoError, as the others do.
  DurableFile(FileSystem& files, std::string path);
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;
  void write(std::span<const std::byte> bytes);
  void commit();

 private:
  void give_up();
  [[noreturn]] void fail_at(const char* step, int error);
  FileSystem& files_;
  const std::string path_;
  std::string tmp_;  // made before the file is: where memory ends, it can still be removed
  int file_ = -1;
  bool is_tmp_there_ = false;  // tmp_ is there, made here, and not path_ yet
};

/// What a temporary file of `path` is called: path.tmp, or path.N.tmp where others are there. Each writer
/// makes its own (O_EXCL), whatever else is there stays.
std::string temporary_path(const std::string& path, int number);
/// The name of the file that a temporary file of this name is to become; empty where it is none.
std::string name_behind_temporary(const std::string& name);

/// Replaces or makes the file at path, so that after a crash at any moment either the old or the new one is
/// there, whole: a temporary file -> fsync -> rename -> fsync of the folder. Throws IoError naming the file,
/// the step and the reason; the temporary file is then gone and the old file untouched, except where only the
/// last step failed: then the new file is in place.
void write_durably(FileSystem& files, const std::string& path, std::span<const std::byte> bytes);

/// Writes all of the bytes where the file stands, through interrupted and short writes. False, with errno
/// set, where that fails.
bool write_all(FileSystem& files, int file, std::span<const std::byte> bytes);

/// fsync, through interruptions. False, with errno set, where it fails.
bool sync_file(FileSystem& files, int file);

/// The whole file. Throws NoInput naming it and the reason, IoError where the disk fails.
std::vector<std::byte> read_file(FileSystem& files, const std::string& path);

/// The whole file as text; empty where there is none. Throws as read_file.
std::optional<std::string> read_text(FileSystem& files, const std::string& path);

/// Makes a folder and those above it, durably; existing ones are fine. Returns those that it made, outermost
/// first. Throws IoError.
std::vector<std::string> make_directories(FileSystem& files, const std::string& path);

/// fsync of a folder: new and removed names in it survive a power loss. Throws IoError.
void sync_directory(FileSystem& files, const std::string& path);

/// The folder that path lies in, "." for a bare name.
std::string directory_of(const std::string& path);

}  // namespace checkpoints
