#include "checkpoints/disk_checkpoints.hpp"

#include <pthread.h>

#include <cstring>
#include <stdexcept>

#include "../autodiff/toy_segment.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "fixture.hpp"

using namespace checkpoints;
using namespace checkpoints::test;
using autodiff::test::ToySegment;

namespace {

constexpr std::size_t kBytes = 64 * sizeof(float);

std::vector<float> gradient_of(const autodiff::Schedule& s, autodiff::CheckpointStore* disk) {
  ToySegment<float> segment;
  std::vector<float> phi(64, 0.5f), adjoint(64), gradient(64);
  autodiff::Arena arena;
  autodiff::unroll<float>(segment, s, phi, adjoint, gradient, arena, disk);
  return gradient;
}

const autodiff::Schedule& on_disk() {
  static const autodiff::Schedule s = autodiff::two_level(60, 2, 12);
  return s;
}

// Changes a byte of what is read, in the middle of a sweep.
class DamagingFileSystem final : public FaultyFileSystem {
 public:
  ssize_t pread(int f, void* to, std::size_t n, off_t at) override {
    const ssize_t got = FaultyFileSystem::pread(f, to, n, at);
    if (++reads == 5 && got > 0) static_cast<char*>(to)[got / 2] ^= 1;
    return got;
  }
  int reads = 0;
};

}  // namespace

TEST_CASE("a disk is measured with what fits in the room that is offered, and nothing stays") {
  TemporaryDirectory dir;
  for (const std::size_t room : {std::size_t{100}, std::size_t{100'000}, std::size_t{1} << 30}) {
    FaultyFileSystem files;
    const auto costs = measure_disk(files, dir.path(), 4096, room);
    CHECK(costs.write_seconds > 0);
    CHECK(costs.read_seconds > 0);
    CHECK(names_in(dir.path()).empty());
    CHECK((files.calls < 200) == (room < (1 << 20)));  // 1 and 24 states, or 1024
  }
  CHECK_THROWS_AS(measure_disk(posix_file_system(), dir.path() + "/none", 4096, 1 << 20), IoError);
}

TEST_CASE("an unroll with its states on disk has the bits of one in memory, and leaves nothing behind") {
  TemporaryDirectory dir;
  const auto expected = gradient_of(autodiff::store_states(60), nullptr);
  {
    DiskCheckpoints disk(posix_file_system(), dir.path(), on_disk().disk_slots, kBytes);
    CHECK(names_in(dir.path()).empty());
    CHECK(gradient_of(on_disk(), &disk) == expected);
    CHECK(gradient_of(on_disk(), &disk) == expected);
    CHECK(disk.waited_seconds() >= 0);
  }
  CHECK(names_in(dir.path()).empty());
  DiskCheckpoints all(posix_file_system(), dir.path(), 59, kBytes);
  CHECK(gradient_of(autodiff::two_level(60, 0, 59), &all) == expected);
}

TEST_CASE("states come back from their slots, however writes and reads overlap") {
  TemporaryDirectory dir;
  FaultyFileSystem files;
  files.longest_write = 100;  // short writes are continued
  DiskCheckpoints disk(files, dir.path(), 7, 1000);
  std::vector<std::byte> state(1000);
  const auto fill = [&](int i) { std::fill(state.begin(), state.end(), static_cast<std::byte>(i)); };
  for (int i = 0; i < 7; ++i) fill(i), disk.store(i, state);
  for (int i : {3, 5, 0, 6, 4, 1}) {
    disk.prefetch(i);
    fill(20 + i), disk.store((i + 1) % 7, state);  // behind the read
    disk.load(i, state);
    const int before = (i + 6) % 7;  // whose turn has written slot i anew
    CHECK(state ==
          std::vector<std::byte>(1000, static_cast<std::byte>(i == 6 || i == 4 || i == 1 ? 20 + before : i)));
  }
  CHECK_THROWS_AS(disk.store(7, state), std::invalid_argument);
  CHECK_THROWS_AS(disk.load(-1, state), std::invalid_argument);
  CHECK_THROWS_AS(disk.store(0, std::span(state).first(999)), std::invalid_argument);
  disk.prefetch(2);
  CHECK_THROWS_AS(disk.prefetch(3), std::invalid_argument);
  CHECK_THROWS_AS(disk.load(3, state), std::invalid_argument);
}

TEST_CASE(
    "whichever system call fails, the unroll ends with an error that names the folder and the reason, and "
    "nothing is left behind") {
  const auto expected = gradient_of(autodiff::store_states(60), nullptr);
  for (int error : {ENOSPC, EIO, EROFS, EINTR}) {
    int failures = 0;
    for (int i = 0;; ++i) {
      TemporaryDirectory dir;
      FaultyFileSystem files(i, error);
      std::string m;
      std::vector<float> found;
      const int code = exit_code_of(
          [&] {
            DiskCheckpoints disk(files, dir.path(), on_disk().disk_slots, kBytes);
            found = gradient_of(on_disk(), &disk);
          },
          &m);
      CAPTURE(i);
      CAPTURE(m);
      CHECK(names_in(dir.path()).empty());
      if (code == 0) CHECK(found == expected);
      if (files.calls <= i) break;
      if (code == 0) continue;  // the last close
      ++failures;
      CHECK(code == 74);
      CHECK(m.find(dir.path() + ": checkpoints can't be kept there: ") == 0);
      CHECK(m.find(std::strerror(error)) != std::string::npos);
      CHECK(m.find("--disk-dir") != std::string::npos);
    }
    CAPTURE(error);
    if (error == EINTR)
      CHECK(failures == 1);  // unlink is never interrupted
    else
      CHECK(failures >= 30);
  }
}

TEST_CASE("a damaged slot is noticed by its checksum") {
  TemporaryDirectory dir;
  DamagingFileSystem files;
  std::string m;
  DiskCheckpoints disk(files, dir.path(), on_disk().disk_slots, kBytes);
  const int code = exit_code_of([&] { gradient_of(on_disk(), &disk); }, &m);
  CHECK(code == 74);
  CHECK(m.find("was damaged between writing and reading") != std::string::npos);
  CHECK(names_in(dir.path()).empty());
}

TEST_CASE(
    "a folder that isn't there, or can't hold the file, is refused before any step; one that vanishes later "
    "does no harm") {
  std::string m;
  CHECK(exit_code_of([] { DiskCheckpoints(posix_file_system(), "/nowhere/at/all", 3, 100); }, &m) == 74);
  CHECK(m ==
        "/nowhere/at/all: checkpoints can't be kept there: open: No such file or directory; make that "
        "folder, or choose another one (--disk-dir)");
  CHECK(exit_code_of([] { DiskCheckpoints(posix_file_system(), "/sys", 3, 100); }, &m) == 74);
  CHECK(m.find("/sys: checkpoints can't be kept there: open: ") == 0);
  TemporaryDirectory dir;
  std::filesystem::create_directory(dir / "gone");
  DiskCheckpoints disk(posix_file_system(), dir / "gone", on_disk().disk_slots, kBytes);
  std::filesystem::remove_all(dir / "gone");
  CHECK(gradient_of(on_disk(), &disk) == gradient_of(autodiff::store_states(60), nullptr));
}

TEST_CASE(
    "where no thread is to be had, the error names the folder, and no file stays, open or on the disk") {
  TemporaryDirectory dir;
  pthread_attr_t usual, huge;
  REQUIRE(pthread_getattr_default_np(&usual) == 0);
  REQUIRE(pthread_getattr_default_np(&huge) == 0);
  REQUIRE(pthread_attr_setstacksize(&huge, std::size_t{1} << 46) == 0);  // more than there are addresses
  const auto open_files = [] { return names_in("/proc/self/fd").size(); };
  const std::size_t before = open_files();
  REQUIRE(pthread_setattr_default_np(&huge) == 0);
  std::string m;
  const int code = exit_code_of([&] { DiskCheckpoints(posix_file_system(), dir.path(), 3, 100); }, &m);
  REQUIRE(pthread_setattr_default_np(&usual) == 0);
  CHECK(code == 74);
  CHECK(m.find(dir.path() + ": checkpoints can't be kept there: thread: ") == 0);
  CHECK(m.find("end other programs") != std::string::npos);
  CHECK(open_files() == before);
  CHECK(names_in(dir.path()).empty());
  pthread_attr_destroy(&usual), pthread_attr_destroy(&huge);
}
