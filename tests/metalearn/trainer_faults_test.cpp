// Training on a file system that fails: the i-th call, for every i, with every kind of error.
#include <doctest/doctest.h>

#include "../checkpoints/fixture.hpp"
#include "checkpoints/run_directory.hpp"
#include "outer_fixture.hpp"
#include "tests/support/without_seconds.hpp"

using namespace outer_test;
using checkpoints::test::FaultyFileSystem;
using support::without_seconds;

namespace {

Config short_config() {
  Config c = tiny_config();
  c.updates = 3;
  c.set("save-every", "1");
  c.keep_newest = 2;
  return c;
}

/// Starts and trains; the exit code that the program would end with.
int train(const std::string& directory, FaultyFileSystem& files, std::string& message) {
  return checkpoints::test::exit_code_of(
      [&] {
        const auto trainer = start_with(short_config(), directory, toy_parts(), {}, {}, files);
        trainer->run([](const Progress&) { return true; });
      },
      &message);
}

}  // namespace

TEST_CASE(
    "whichever system call of a training fails, it ends with an I/O error that names the file; what is saved "
    "is whole, nothing else is left, and it resumes to the same bits") {
  Folder folder;
  FaultyFileSystem sound;
  std::string message;
  REQUIRE(train(folder / "whole", sound, message) == 0);
  const auto whole = checkpoints::newest_whole_snapshot(folder / "whole");
  const std::string rows = without_seconds(text_of(folder / "whole/metrics.csv"));
  const int calls = sound.calls;
  REQUIRE(calls > 80);

  int failed = 0;
  for (const auto& [error, stride] : {std::pair{EIO, 1}, std::pair{ENOSPC, 5}})
    for (int i = 0; i < calls; i += stride) {
      Folder one;
      FaultyFileSystem files(i, error);
      const std::string directory = one / "run";
      int code = -1;
      try {
        code = train(directory, files, message);
      } catch (const std::exception& e) {
        FAIL(i << ": " << e.what());
      }
      CAPTURE(i);
      CAPTURE(message);
      CHECK((code == 0 || code == 74));
      failed += code != 0;
      if (code != 0) CHECK(message.starts_with(std::filesystem::path(directory).parent_path().string()));
      if (!std::filesystem::exists(directory)) continue;
      const auto snapshots = checkpoints::list_snapshots(directory);
      for (const auto& entry : std::filesystem::directory_iterator(directory))
        CHECK(entry.path().extension() != ".tmp");
      if (snapshots.empty()) continue;
      const auto newest = checkpoints::newest_whole_snapshot(directory);
      CHECK(newest.damaged.empty());
      const auto resumed = resume_with(directory, {}, toy_parts(), sound);
      resumed->run([](const Progress&) { return true; });
      CHECK(checkpoints::newest_whole_snapshot(directory).archive.arrays() == whole.archive.arrays());
      CHECK(without_seconds(text_of(directory + "/metrics.csv")) == rows);
    }
  CHECK(failed > calls / 2);  // the others: closing, and what is tidied up at the end
}

TEST_CASE(
    "a disk that is full from some call on ends a training with an I/O error, its last snapshot whole") {
  Folder folder;
  FaultyFileSystem sound;
  std::string message;
  REQUIRE(train(folder / "whole", sound, message) == 0);
  for (int i = 0; i < sound.calls; i += 3) {
    Folder one;
    FaultyFileSystem files(i, ENOSPC);
    files.for_good = true;
    const int code = train(one / "run", files, message);
    CAPTURE(i);
    CAPTURE(message);
    CHECK((code == 74 || (code == 0 && i + 10 >= sound.calls)));  // after the last save files are only closed
    if (std::filesystem::exists(one / "run") && !checkpoints::list_snapshots(one / "run").empty())
      CHECK(checkpoints::newest_whole_snapshot(one / "run").damaged.empty());
  }
}

TEST_CASE("interrupted calls and short writes do not end a training") {
  Folder folder;
  FaultyFileSystem sound;
  std::string message;
  REQUIRE(train(folder / "whole", sound, message) == 0);
  int ended = 0;
  for (int i = 0; i < sound.calls; ++i) {
    Folder one;
    FaultyFileSystem files(i, EINTR);
    files.longest_write = 20000;
    ended += train(one / "run", files, message) != 0;
  }
  CHECK(ended < sound.calls / 3);  // those that POSIX lets a signal interrupt are repeated; rename, unlink,
                                   // mkdir, stat, list are none of them
}
