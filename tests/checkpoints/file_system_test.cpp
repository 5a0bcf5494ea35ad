#include "checkpoints/file_system.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "fixture.hpp"

using namespace checkpoints;
using namespace checkpoints::test;

namespace {
std::span<const std::byte> as_bytes(const std::string& text) { return std::as_bytes(std::span(text)); }
std::string text_in(const std::string& path) {
  const auto bytes = bytes_of(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
}  // namespace

TEST_CASE("a file written durably replaces the old one and leaves nothing else behind") {
  TemporaryDirectory dir;
  for (const std::string text : {"old", "", "new and longer"}) {
    write_durably(posix_file_system(), dir / "f", as_bytes(text));
    CHECK(text_in(dir / "f") == text);
    CHECK(names_in(dir.path()) == std::vector<std::string>{"f"});
  }
}

TEST_CASE(
    "writers of one file have temporary files of their own, and what else is called so stays, behind links "
    "too") {
  TemporaryDirectory dir;
  write_bytes(dir / "f.tmp", as_bytes("mine"));
  std::filesystem::create_symlink("f.tmp", dir / "f.1.tmp");
  {
    DurableFile one(posix_file_system(), dir / "f"), two(posix_file_system(), dir / "f"),
        given_up(posix_file_system(), dir / "f");
    one.write(as_bytes("one"));
    two.write(as_bytes("two two"));
    one.commit();
    CHECK(text_in(dir / "f") == "one");
    two.commit();
  }
  CHECK(text_in(dir / "f") == "two two");
  CHECK(text_in(dir / "f.tmp") == "mine");
  auto names = names_in(dir.path());
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{"f", "f.1.tmp", "f.tmp"});
}

TEST_CASE(
    "whichever system call fails, the file is the old or the new one, whole, no tmp is left, and the error "
    "says why") {
  const std::string old_text = "the old text", new_text(100000, 'n');
  for (int error : {ENOSPC, EIO}) {
    int failures = 0;
    for (int i = 0;; ++i) {
      TemporaryDirectory dir;
      write_bytes(dir / "f", as_bytes(old_text));
      FaultyFileSystem files(i, error);
      files.longest_write = 40000;
      std::string m;
      const int code = exit_code_of([&] { write_durably(files, dir / "f", as_bytes(new_text)); }, &m);
      CAPTURE(i);
      CAPTURE(m);
      CHECK(names_in(dir.path()) == std::vector<std::string>{"f"});
      const std::string found = text_in(dir / "f");
      CHECK((found == old_text || found == new_text));
      if (code == 0) CHECK(found == new_text);
      if (files.calls <= i) break;
      if (code == 0) continue;  // closing the folder after its fsync: nothing is lost
      ++failures;
      CHECK(code == 74);
      CHECK(m.find(std::strerror(error)) != std::string::npos);
    }
    CHECK(failures == 9);  // open, 3 writes, fsync, close, rename; open and fsync of the folder
  }
}

TEST_CASE("interrupted calls and short writes are continued") {
  const std::string text(1000, 'x');
  for (int i = 0;; ++i) {
    TemporaryDirectory dir;
    FaultyFileSystem files(i, EINTR);
    files.longest_write = 300;
    CAPTURE(i);
    int code = exit_code_of([&] { write_durably(files, dir / "f", as_bytes(text)); });
    if (files.calls <= i) break;
    if (code == 0) CHECK(text_in(dir / "f") == text);
    CHECK((code == 0 || i == 7));  // rename is not interruptible
  }
}

TEST_CASE("a missing file and a folder are no input") {
  TemporaryDirectory dir;
  std::string m;
  CHECK(exit_code_of([&] { read_file(posix_file_system(), dir / "none"); }, &m) == 66);
  CHECK(m == dir / "none" + ": can't be read: No such file or directory");
  CHECK(exit_code_of([&] { read_file(posix_file_system(), dir.path()); }, &m) == 66);
}

TEST_CASE("what is no file is refused at once: a pipe, a device, and, of a run's files, a link") {
  TemporaryDirectory dir;
  auto& files = posix_file_system();
  REQUIRE(mkfifo((dir / "pipe").c_str(), 0600) == 0);
  std::filesystem::create_symlink("file", dir / "link");
  std::filesystem::create_symlink("loop", dir / "loop");
  write_bytes(dir / "file", std::vector<std::byte>(10));
  std::string m;
  for (const std::string& path : {dir / "pipe", std::string("/dev/zero")}) {
    CHECK(exit_code_of([&] { read_file(files, path); }, &m) == 66);
    CHECK(m == path + ": can't be read: is a pipe, a socket or a device, not a file");
    for (const int flags : {O_RDWR | O_CREAT, O_WRONLY | O_APPEND})
      CHECK(files.open(path, flags, 0600) == -1);
  }
  CHECK(read_file(files, dir / "link").size() == 10);
  CHECK(exit_code_of([&] { read_file(files, dir / "link", Links::refused); }, &m) == 66);
  CHECK(m.find("is a symbolic link") != std::string::npos);
  CHECK(exit_code_of([&] { read_text(files, dir / "link", Links::refused); }) == 66);
  CHECK(exit_code_of([&] { read_file(files, dir / "loop"); }) == 66);
}

TEST_CASE("a file larger than its bound is refused before it is read") {
  TemporaryDirectory dir;
  auto& files = posix_file_system();
  write_bytes(dir / "sparse", {});
  std::filesystem::resize_file(dir / "sparse", std::uintmax_t{1} << 40);
  std::string m;
  CHECK(exit_code_of([&] { read_file(files, dir / "sparse"); }, &m) == 65);
  CHECK(m.find(dir / "sparse" + ": holds more than 4294967296 bytes") == 0);
  write_bytes(dir / "ten", std::vector<std::byte>(10));
  CHECK(read_file(files, dir / "ten", Links::followed, 10).size() == 10);
  CHECK(exit_code_of([&] { read_file(files, dir / "ten", Links::followed, 9); }) == 65);
  CHECK(read_text(files, "/proc/self/stat").value_or("").size() > 10);  // of a size that is not told
}

TEST_CASE("a lack of descriptors is no fault of the file") {
  TemporaryDirectory dir;
  write_bytes(dir / "f", {});
  for (const int error : {EMFILE, ENFILE, ENOMEM}) {
    FaultyFileSystem files(0, error);
    CHECK(exit_code_of([&] { read_file(files, dir / "f"); }) == 71);
  }
}

TEST_CASE("folders are made with those above them; below a file they can't be") {
  TemporaryDirectory dir;
  make_directories(posix_file_system(), dir / "a/b/c");
  make_directories(posix_file_system(), dir / "a/b/c/");
  CHECK(std::filesystem::is_directory(dir / "a/b/c"));
  write_bytes(dir / "f", {});
  std::string m;
  CHECK(exit_code_of([&] { make_directories(posix_file_system(), dir / "f/g"); }, &m) == 74);
  CHECK(m.find(dir / "f") == 0);
  CHECK(m.find("Not a directory") != std::string::npos);
}

TEST_CASE("the folder of a path is what stands before its last slash") {
  CHECK(directory_of("a/b/c.h5") == "a/b");
  CHECK(directory_of("c.h5") == ".");
  CHECK(directory_of("/c.h5") == "/");
}
