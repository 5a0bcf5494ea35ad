// What the tests of checkpoints/ share: a folder that goes with its scope, a file system that fails on
// demand, and Python with h5py as a second reader and writer.
#pragma once
#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "checkpoints/archive.hpp"
#include "checkpoints/file_system.hpp"
#include "tests/support/exit_code.hpp"
#include "tests/support/folder.hpp"

namespace checkpoints::test {

using support::exit_code_of;

class TemporaryDirectory : support::TextFolder {
 public:
  using TextFolder::operator/;
  std::string path() const { return TextFolder::path.string(); }
};

inline std::vector<std::byte> bytes_of(const std::string& path) {
  return read_file(posix_file_system(), path);
}

inline void write_bytes(const std::string& path, std::span<const std::byte> bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

inline std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.push_back(entry.path().filename());
  return names;
}

/// The real file system, but the call number `fail_at` (from 0) fails with `error`, and with `for_good` every
/// one after it; -1: none. Any number of threads may use one.
class FaultyFileSystem : public FileSystem {
 public:
  explicit FaultyFileSystem(int at = -1, int code = EIO) : fail_at(at), error(code) {}
  int open(const std::string& p, int f, mode_t m) override { return fails() ? -1 : real.open(p, f, m); }
  off_t size(int f) override { return fails() ? -1 : real.size(f); }
  ssize_t read(int f, void* to, std::size_t n) override { return fails() ? -1 : real.read(f, to, n); }
  ssize_t write(int f, const void* from, std::size_t n) override {
    return fails() ? -1 : real.write(f, from, n < longest_write ? n : longest_write);
  }
  ssize_t pread(int f, void* to, std::size_t n, off_t at) override {
    return fails() ? -1 : real.pread(f, to, n, at);
  }
  ssize_t pwrite(int f, const void* from, std::size_t n, off_t at) override {
    return fails() ? -1 : real.pwrite(f, from, n < longest_write ? n : longest_write, at);
  }
  int allocate(int f, off_t n) override { return fails() ? -1 : real.allocate(f, n); }
  int fsync(int) override { return fails() ? -1 : 0; }  // the power stays on in these tests
  int ftruncate(int f, off_t n) override { return fails() ? -1 : real.ftruncate(f, n); }
  int flock(int f, int o) override { return fails() ? -1 : real.flock(f, o); }
  int close(int f) override {
    const int closed = real.close(f);  // Linux frees the descriptor even where close() fails
    return fails() ? -1 : closed;
  }
  int rename(const std::string& a, const std::string& b) override { return fails() ? -1 : real.rename(a, b); }
  int unlink(const std::string& p) override { return fails() ? -1 : real.unlink(p); }
  int mkdir(const std::string& p, mode_t m) override { return fails() ? -1 : real.mkdir(p, m); }
  int rmdir(const std::string& p) override { return fails() ? -1 : real.rmdir(p); }
  int stands_at(int f, const std::string& p) override { return fails() ? -1 : real.stands_at(f, p); }
  int is_directory(const std::string& p) override { return fails() ? -1 : real.is_directory(p); }
  int list(const std::string& d, std::vector<std::string>& names) override {
    return fails() ? -1 : real.list(d, names);
  }

  std::atomic<int> fail_at, error;
  std::atomic<int> calls = 0;
  bool for_good = false;
  std::size_t longest_write = SIZE_MAX;

 private:
  bool fails() {
    const int call = calls++;
    if (fail_at < 0 || call < fail_at || (call > fail_at && !for_good)) return false;
    errno = error;
    return true;
  }
  FileSystem& real = posix_file_system();
};

/// Runs a Python script with h5py and numpy (as np) imported; what it prints. An error of Python fails the
/// test.
inline std::string python(const TemporaryDirectory& dir, const std::string& script) {
  std::ofstream(dir / "script.py") << "import h5py, numpy as np\n" << script;
  const int status = std::system(
      ("/usr/bin/python3 '" + dir / "script.py" + "' > '" + (dir / "printed") + "' 2>&1").c_str());
  std::ifstream printed(dir / "printed");
  std::string text{std::istreambuf_iterator<char>(printed), {}};
  INFO(text);
  REQUIRE(status == 0);
  return text;
}

}  // namespace checkpoints::test
