// FileSystem: the only interface through which this library makes system calls, so that a test can make any
// of them fail; and durable writing on top of it.
//
// Every method is the POSIX call of that name and returns -1 with errno on failure. The POSIX implementation
// has no state: any thread may use it.
#pragma once
#include <fcntl.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoints/error.hpp"

namespace checkpoints {

/// The errno of FileSystem::open for a pipe, a socket or a device.
inline constexpr int kNotAFile = EMEDIUMTYPE;

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// A regular file; with O_DIRECTORY, a folder. Anything else is refused at once, with EISDIR or kNotAFile:
  /// no pipe is waited for, no device read.
  virtual int open(const std::string& path, int flags, mode_t mode) = 0;
  /// Of an open file.
  virtual off_t size(int file) = 0;
  virtual ssize_t read(int file, void* to, std::size_t bytes) = 0;
  virtual ssize_t write(int file, const void* from, std::size_t bytes) = 0;
  virtual ssize_t pread(int file, void* to, std::size_t bytes, off_t at) = 0;
  virtual ssize_t pwrite(int file, const void* from, std::size_t bytes, off_t at) = 0;
  /// posix_fallocate, with -1 and errno on failure: reserves disk space for the first `bytes` bytes.
  virtual int allocate(int file, off_t bytes) = 0;
  virtual int fsync(int file) = 0;
  virtual int ftruncate(int file, off_t bytes) = 0;
  virtual int flock(int file, int operation) = 0;
  virtual int close(int file) = 0;
  virtual int rename(const std::string& from, const std::string& to) = 0;
  virtual int unlink(const std::string& path) = 0;
  virtual int mkdir(const std::string& path, mode_t mode) = 0;
  virtual int rmdir(const std::string& path) = 0;
  /// 1 if path names the open file.
  virtual int stands_at(int file, const std::string& path) = 0;
  /// 1: a folder, 0: something else.
  virtual int is_directory(const std::string& path) = 0;
  /// Names in a folder except . and .., in no particular order.
  virtual int list(const std::string& directory, std::vector<std::string>& names) = 0;
};

/// The implementation that makes real system calls.
FileSystem& posix_file_system();

/// The IoError of a failed write: "PATH: can't be written: STEP: reason; how to fix it".
IoError can_not_write(const std::string& path, const std::string& step, int error);

/// write_durably() in pieces. If a method throws, or the object is destroyed before commit(), the temporary
/// file is removed and the old file stays.
class DurableFile {
 public:
  /// Throws IoError, as do the other methods.
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
  std::string tmp_;  // allocated before the file is made, so that it can be removed when memory runs out
  int file_ = -1;
  bool is_tmp_there_ = false;  // tmp_ was made here and is not renamed yet
};

/// The name of a temporary file of `path`: path.tmp, or path.N.tmp if others exist. Each writer creates its
/// own (O_EXCL); existing ones stay.
std::string temporary_path(const std::string& path, int number);
/// The final name of the file with this temporary name; empty if it is not a temporary name.
std::string name_behind_temporary(const std::string& name);

/// Creates or replaces the file at path, so that after a crash at any moment either the old or the new file
/// is there, whole: temporary file -> fsync -> rename -> fsync of the folder. Throws IoError naming the file,
/// the step and the reason; the temporary file is then removed and the old file untouched, unless only the
/// last step failed: then the new file is in place.
void write_durably(FileSystem& files, const std::string& path, std::span<const std::byte> bytes);

/// Writes all bytes at the file's position, across interrupted and short writes. False, with errno set, on
/// failure.
bool write_all(FileSystem& files, int file, std::span<const std::byte> bytes);

/// fsync, across interruptions. False, with errno set, on failure.
bool sync_file(FileSystem& files, int file);

/// What becomes of a path whose last name is a symbolic link: one that a user names may be; of the files of a
/// run none is, and what it leads to is not the run's.
enum class Links { followed, refused };

/// A NoInput of a name that is not there.
struct NoSuchFile : NoInput {
  using NoInput::NoInput;
};

/// The one way to open a file to be read: a descriptor, which the caller closes. Throws, naming the file and
/// the reason, NoSuchFile; NoInput where it may not be read or is no regular file (at once: no pipe is waited
/// for); IoError where the disk fails; MemoryBudget where there are no more descriptors or no memory.
int open_to_read(FileSystem& files, const std::string& path, Links links = Links::followed);

/// Beyond any snapshot or file of a run.
inline constexpr std::size_t kMostFileBytes = std::size_t{1} << 32;

/// The whole file. Throws as open_to_read, and BadData before it reads a file of more than `most` bytes.
std::vector<std::byte> read_file(FileSystem& files, const std::string& path, Links links = Links::followed,
                                 std::size_t most = kMostFileBytes);

/// The whole file as text; empty where there is none. Throws as read_file.
std::optional<std::string> read_text(FileSystem& files, const std::string& path,
                                     Links links = Links::followed, std::size_t most = kMostFileBytes);

/// Creates a folder and its missing parents, durably. Returns the folders it created, outermost first. Throws
/// IoError.
std::vector<std::string> make_directories(FileSystem& files, const std::string& path);

/// fsync of a folder, so that new and removed names in it survive a power loss. Throws IoError.
void sync_directory(FileSystem& files, const std::string& path);

/// The folder that path lies in, "." for a bare name.
std::string directory_of(const std::string& path);

}  // namespace checkpoints
