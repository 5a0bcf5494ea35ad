#include "checkpoints/run_directory.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <random>
#include <thread>

#include "checkpoints/snapshot_file.hpp"
#include "fixture.hpp"

using namespace checkpoints;
using namespace checkpoints::test;

namespace {

Archive state(std::int64_t update) {
  Archive a;
  a.put("theta/w", {2000}, std::vector<float>(2000, static_cast<float>(update)));
  a.set("counters", "update", update);
  return a;
}

std::vector<std::int64_t> updates_in(const std::string& directory) {
  std::vector<std::int64_t> found;
  for (const auto& s : list_snapshots(directory)) found.push_back(s.update);
  return found;
}

}  // namespace

TEST_CASE("snapshots are listed oldest first, by name and not by time; other files are not snapshots") {
  TemporaryDirectory dir;
  CHECK(list_snapshots(dir / "none").empty());
  for (const char* name : {"snapshot-00000020.h5", "snapshot-00000003.h5", "snapshot-00000100.h5",
                           "snapshot-3.h5", "snapshot-00000004.h5.tmp", "snapshot-0000000x.h5", "theta.h5",
                           "snapshot-000000200.h5", "snapshot-.h5"})
    write_bytes(dir / name, {});
  CHECK(updates_in(dir.path()) == std::vector<std::int64_t>{3, 20, 100});
  CHECK(list_snapshots(dir.path()).back().path == dir / "snapshot-00000100.h5");
  CHECK(snapshot_path("runs/a", 120) == "runs/a/snapshot-00000120.h5");
  CHECK_THROWS_AS(snapshot_path("runs/a", 100000000), std::invalid_argument);
}

TEST_CASE("the newest snapshots stay, and those asked for") {
  TemporaryDirectory dir;
  auto run = RunDirectory::create(dir / "runs/a");
  for (std::int64_t update : {0, 10, 20, 30, 40}) run.save(update, state(update), {2, 0, {10}});
  CHECK(updates_in(run.path()) == std::vector<std::int64_t>{10, 30, 40});
  CHECK(load_snapshot(snapshot_path(run.path(), 10)).attribute<std::int64_t>("counters", "update") == 10);
  run.save(40, state(41), {2, 0, {10}});  // the same update again
  CHECK(load_snapshot(snapshot_path(run.path(), 40)).attribute<std::int64_t>("counters", "update") == 41);
  run.write_text("config.json", "{}");
  auto names = names_in(run.path());
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{"config.json", "lock", "manifest.json", "snapshot-00000010.h5",
                                          "snapshot-00000030.h5", "snapshot-00000040.h5"});
}

TEST_CASE("an owner removes what a killed one left half written") {
  TemporaryDirectory dir;
  write_bytes(dir / "snapshot-00000004.h5.tmp", {});
  write_bytes(dir / "config.json.tmp", {});
  write_bytes(dir / "config.json.1.tmp", {});
  write_bytes(dir / "manifest.json.tmp", {});
  write_bytes(dir / "window-12.journal.tmp", {});
  const std::vector<std::string> users = {"metrics.csv",
                                          "notes.tmp",
                                          "notes.1.tmp",
                                          "config.json.x.tmp",
                                          "snapshot-4.h5.tmp",
                                          "snapshot-00000004.h5.tmp.tmp",
                                          ".tmp",
                                          "window-12.journal",
                                          "window-.journal.tmp",
                                          "window-x.journal.tmp"};
  for (const auto& name : users) write_bytes(dir / name, {});
  auto run = RunDirectory::open(dir.path());
  CHECK(!std::filesystem::exists(dir / "snapshot-00000004.h5.tmp"));
  CHECK(!std::filesystem::exists(dir / "config.json.tmp"));
  CHECK(!std::filesystem::exists(dir / "config.json.1.tmp"));
  CHECK(!std::filesystem::exists(dir / "manifest.json.tmp"));
  CHECK(!std::filesystem::exists(dir / "window-12.journal.tmp"));
  for (const auto& name : users) CHECK_MESSAGE(std::filesystem::exists(dir / name), name);
}

TEST_CASE(
    "a run that ends without a snapshot leaves nothing behind that it made, and everything that it did not") {
  TemporaryDirectory dir;
  {
    auto run = RunDirectory::create(dir / "runs/a");
    run.write_text("config.json", "{}");
    run.adopt("metrics.csv");
    write_bytes(run.file("metrics.csv"), {});
  }
  CHECK(names_in(dir.path()).empty());
  write_bytes(dir / "notes.txt", {});
  { auto run = RunDirectory::create(dir.path()); }
  CHECK(names_in(dir.path()) == std::vector<std::string>{"notes.txt"});
  {
    auto run = RunDirectory::create(dir / "b");
    run.write_text("config.json", "{}");
    run.save(0, state(0));
  }
  CHECK(names_in(dir / "b").size() == 4);
}

TEST_CASE("the newest whole snapshot is found past damaged ones, which are reported and can be set aside") {
  TemporaryDirectory dir;
  std::string m;
  CHECK(exit_code_of([&] { newest_whole_snapshot(dir.path()); }, &m) == 66);
  CHECK(m == dir.path() +
                 ": holds no snapshots; name a run directory, or start a run with `metalearn train --run " +
                 dir.path() + "`");
  auto run = RunDirectory::create(dir.path());
  for (std::int64_t update : {1, 2, 3}) run.save(update, state(update));
  NewestWhole found = newest_whole_snapshot(dir.path());
  CHECK(found.snapshot.path == snapshot_path(dir.path(), 3));
  CHECK(found.archive.attribute<std::int64_t>("counters", "update") == 3);
  CHECK(found.damaged.empty());
  CHECK(found.notes.empty());

  std::filesystem::resize_file(snapshot_path(dir.path(), 3), 700);
  std::filesystem::resize_file(snapshot_path(dir.path(), 2), 600);
  found = newest_whole_snapshot(dir.path());
  CHECK(found.snapshot.path == snapshot_path(dir.path(), 1));
  CHECK(found.notes.empty());
  REQUIRE(found.damaged.size() == 2);
  CHECK(found.damaged[0].snapshot.update == 3);
  CHECK(found.damaged[0].note.find(snapshot_path(dir.path(), 3) + ": truncated") == 0);
  CHECK(found.damaged[1].note.find("; using " + snapshot_path(dir.path(), 1) + " instead") !=
        std::string::npos);
  run.set_aside({3, snapshot_path(dir.path(), 3)});
  CHECK(updates_in(dir.path()) == std::vector<std::int64_t>{1, 2});
  CHECK(std::filesystem::exists(dir / "snapshot-00000003.h5.damaged"));

  std::filesystem::resize_file(snapshot_path(dir.path(), 1), 500);
  CHECK(exit_code_of([&] { newest_whole_snapshot(dir.path()); }, &m) == 65);
  CHECK(m.find("snapshot-00000002.h5") != std::string::npos);
}

TEST_CASE("a snapshot of a newer program is not passed over as if it were damaged") {
  TemporaryDirectory dir;
  auto run = RunDirectory::create(dir.path());
  for (std::int64_t update : {1, 2}) run.save(update, state(update));
  python(dir, "import struct, zlib\nname = '" + snapshot_path(dir.path(), 2) + R"('
b = bytearray(open(name, 'rb').read())
b[8:12] = struct.pack('<I', 3)
b[508:512] = struct.pack('<I', zlib.crc32(b[:508]))
open(name, 'wb').write(b)
)");
  CHECK_THROWS_AS(newest_whole_snapshot(dir.path()), NewerSchema);
}

TEST_CASE("every so many generations stay for good") {
  TemporaryDirectory dir;
  auto run = RunDirectory::create(dir.path());
  for (std::int64_t update = 1; update <= 12; ++update) run.save(update, state(update), {1, 5, {2}});
  CHECK(updates_in(dir.path()) == std::vector<std::int64_t>{2, 5, 10, 12});
  CHECK_THROWS_AS(run.save(13, state(13), {0}), std::invalid_argument);
}

TEST_CASE(
    "the manifest lists what is there, with the checksum of each; what is missing or another file is noted") {
  TemporaryDirectory dir;
  auto run = RunDirectory::create(dir.path());
  for (std::int64_t update : {1, 2, 3, 4}) run.save(update, state(update), {3});
  Manifest manifest = read_manifest(dir.path()).value();
  REQUIRE(manifest.generations.size() == 3);
  for (const auto& [generation, entry] : manifest.generations)
    CHECK(entry == manifest_entry(bytes_of(snapshot_path(dir.path(), generation))));

  std::filesystem::remove(snapshot_path(dir.path(), 4));
  NewestWhole found = newest_whole_snapshot(dir.path());
  CHECK(found.snapshot.update == 3);
  REQUIRE(found.notes.size() == 1);
  CHECK(found.notes[0] == snapshot_path(dir.path(), 4) + ": is listed in manifest.json but missing; using " +
                              snapshot_path(dir.path(), 3) + " instead");

  save_snapshot(snapshot_path(dir.path(), 4), state(44));
  found = newest_whole_snapshot(dir.path());
  CHECK(found.snapshot.update == 4);
  REQUIRE(found.notes.size() == 1);
  CHECK(found.notes[0] ==
        snapshot_path(dir.path(), 4) + ": is undamaged, but not the file that manifest.json lists");
}

TEST_CASE(
    "a run directory without a manifest, or with a damaged one, is used and gets a new one with the next "
    "save") {
  for (const bool damaged : {false, true}) {
    TemporaryDirectory dir;
    {
      auto run = RunDirectory::create(dir.path());
      for (std::int64_t update : {1, 2}) run.save(update, state(update));
    }
    if (damaged)
      write_bytes(dir / "manifest.json", std::as_bytes(std::span("{", 1)));
    else
      std::filesystem::remove(dir / "manifest.json");
    const NewestWhole found = newest_whole_snapshot(dir.path());
    CHECK(found.snapshot.update == 2);
    CHECK(found.notes.size() == (damaged ? 1 : 0));
    auto run = RunDirectory::open(dir.path());
    run.save(3, state(3));
    const auto manifest = read_manifest(dir.path()).value();
    CHECK(manifest.generations.size() == 3);
    for (const auto& [generation, entry] : manifest.generations)
      CHECK(entry == manifest_entry(bytes_of(snapshot_path(dir.path(), generation))));
  }
}

TEST_CASE(
    "a manifest that is older than a snapshot saved anew, or lists what is gone, is put right by the next "
    "save") {
  TemporaryDirectory dir;
  {
    auto run = RunDirectory::create(dir.path());
    for (std::int64_t update : {1, 2, 3}) run.save(update, state(update), {9});
  }
  save_snapshot(snapshot_path(dir.path(), 2),
                state(22));  // as an owner does that is killed before it has written the manifest
  std::filesystem::remove(snapshot_path(dir.path(), 3));
  RunDirectory::open(dir.path()).save(4, state(4), {9});
  CHECK(newest_whole_snapshot(dir.path()).notes.empty());
  const auto manifest = read_manifest(dir.path()).value();
  CHECK(manifest.generations.size() == 3);
  for (const auto& [generation, entry] : manifest.generations)
    CHECK(entry == manifest_entry(bytes_of(snapshot_path(dir.path(), generation))));
}

TEST_CASE("a manifest that can't be read does not stand in the way") {
  TemporaryDirectory dir;
  RunDirectory::create(dir.path()).save(1, state(1));
  std::filesystem::remove(dir / "manifest.json");
  std::filesystem::create_directory(dir / "manifest.json");
  const auto found = newest_whole_snapshot(dir.path());
  CHECK(found.snapshot.update == 1);
  CHECK(found.notes.size() == 1);
}

TEST_CASE(
    "a newest snapshot that the disk does not give is skipped; one that there is no memory for is not") {
  TemporaryDirectory dir;
  {
    auto run = RunDirectory::create(dir.path());
    for (std::int64_t update : {1, 2}) run.save(update, state(update), {9});
  }
  FaultyFileSystem sound;
  newest_whole_snapshot(dir.path(), sound);
  int passed_over = 0;
  for (int i = 0; i < sound.calls; ++i) {
    FaultyFileSystem files(i, EIO);
    NewestWhole found;
    if (exit_code_of([&] { found = newest_whole_snapshot(dir.path(), files); }) != 0) continue;
    if (found.snapshot.update == 2) continue;
    ++passed_over;
    REQUIRE(found.damaged.size() == 1);
    CHECK(found.damaged[0].note.find(snapshot_path(dir.path(), 2) + ": can't be read: ") == 0);
    CHECK(found.damaged[0].note.find("; using " + snapshot_path(dir.path(), 1)) != std::string::npos);
  }
  CHECK(passed_over == 4);              // its open, size and two reads
  FaultyFileSystem crowded(1, EMFILE);  // the call after the listing
  CHECK(exit_code_of([&] { newest_whole_snapshot(dir.path(), crowded); }) == 71);
}

TEST_CASE("an older snapshot that can't be read does not end a training") {
  TemporaryDirectory dir;
  auto run = RunDirectory::create(dir.path());
  std::filesystem::create_directory(snapshot_path(dir.path(), 1));
  for (std::int64_t update : {2, 3, 4, 5}) run.save(update, state(update), {2});
  CHECK(read_manifest(dir.path()).value().generations.size() == 2);
  CHECK(newest_whole_snapshot(dir.path()).snapshot.update == 5);
}

TEST_CASE("which snapshot is the newest does not depend on file times, years off or shuffled") {
  TemporaryDirectory dir;
  auto run = RunDirectory::create(dir.path());
  for (std::int64_t update : {1, 2, 3, 4, 5}) run.save(update, state(update), {5});
  std::mt19937 random(3);
  for (int shuffle = 0; shuffle < 20; ++shuffle) {
    for (const auto& entry : run.snapshots()) {
      const std::int64_t years = static_cast<std::int64_t>(random() % 21) - 10;
      std::filesystem::last_write_time(
          entry.path, std::filesystem::file_time_type::clock::now() + std::chrono::hours(years * 8766));
    }
    CHECK(newest_whole_snapshot(dir.path()).snapshot.update == 5);
  }
  run.save(6, state(6), {2});
  CHECK(updates_in(dir.path()) == std::vector<std::int64_t>{5, 6});
}

TEST_CASE("readers never wait and never fail while an owner saves and removes") {
  TemporaryDirectory dir;
  auto run = RunDirectory::create(dir.path());
  run.save(0, state(0), {1});
  std::atomic<bool> done = false;
  std::thread owner([&] {
    for (std::int64_t update = 1; update <= 200; ++update) run.save(update, state(update), {1});
    done = true;
  });
  std::int64_t last = 0, reads = 0;
  while (!done) {
    const auto found = newest_whole_snapshot(dir.path());
    CHECK(found.damaged.empty());
    CHECK(found.notes.empty());
    CHECK(found.snapshot.update >= last);
    CHECK(found.archive.numbers<float>("theta/w")[0] == static_cast<float>(found.snapshot.update));
    last = found.snapshot.update;
    ++reads;
  }
  owner.join();
  CHECK(reads > 0);
}

TEST_CASE("what can't be written names the fix") {
  for (const auto& [error, fix] :
       {std::pair{EACCES, "write elsewhere (--run, --out), or change the permissions"},
        std::pair{ENOSPC, "free space on that disk"}}) {
    TemporaryDirectory dir;
    for (int i = 0;; ++i) {
      FaultyFileSystem files(i, error);
      std::string m;
      const int code =
          exit_code_of([&] { RunDirectory::create(dir / "run", files).write_text("config.json", "{}"); }, &m);
      if (files.calls <= i) break;
      CAPTURE(m);
      if (code != 0) CHECK(m.find(fix) != std::string::npos);
    }
  }
}

TEST_CASE(
    "whichever system call of a save fails, the older snapshots are whole, no tmp is left, and the error is "
    "an I/O error") {
  int failures = 0;
  for (int i = 0;; ++i) {
    TemporaryDirectory dir;
    FaultyFileSystem files;
    auto run = RunDirectory::create(dir / "run", files);
    run.save(1, state(1), {2});
    run.save(2, state(2), {2});
    files.calls = 0;
    files.fail_at = i;
    std::string m;
    int code = 0;
    try {
      code = exit_code_of([&] { run.save(3, state(3), {2}); }, &m);
    } catch (const std::exception& e) {
      FAIL(e.what());
    }
    files.fail_at = -1;
    CAPTURE(i);
    CAPTURE(m);
    const auto found = run.snapshots();
    REQUIRE(found.size() >= 2);
    for (const auto& s : found)
      CHECK(load_snapshot(s.path).numbers<float>("theta/w")[0] == static_cast<float>(s.update));
    for (const auto& name : names_in(run.path())) CHECK(!name.ends_with(".tmp"));
    if (files.calls <= i) break;
    if (code == 0) continue;  // closing the folder
    CHECK(code == 74);
    ++failures;
  }
  CHECK(failures == 16);  // snapshot and manifest: open, write, fsync, close, rename; open and fsync of the
                          // folder; once: list, unlink of the oldest
}

TEST_CASE(
    "whichever system call fails while a run directory is taken, the error names it and nothing stays "
    "locked") {
  for (int i = 0;; ++i) {
    TemporaryDirectory dir;
    FaultyFileSystem files(i);
    std::string m;
    const int code = exit_code_of([&] { RunDirectory::create(dir / "run", files); }, &m);
    CAPTURE(i);
    CAPTURE(m);
    if (files.calls <= i) {
      CHECK(code == 0);
      break;
    }
    if (code != 0) {
      CHECK(code == 74);
      CHECK(m.find(dir.path()) == 0);
    }
    RunDirectory::create(dir / "run");
  }
}

TEST_CASE("a run directory that can't be made is an I/O error, one that is missing no input") {
  TemporaryDirectory dir;
  write_bytes(dir / "file", {});
  CHECK(exit_code_of([&] { RunDirectory::create(dir / "file/run"); }) == 74);
  CHECK(exit_code_of([&] { RunDirectory::create(dir / "file"); }) == 74);
  CHECK(exit_code_of([&] { RunDirectory::open(dir / "none"); }) == 66);
  CHECK(exit_code_of([&] { RunDirectory::open(dir / "file"); }) == 66);
}

TEST_CASE("a second owner is refused with the first one's process id, until the first is gone") {
  TemporaryDirectory dir;
  {
    auto run = RunDirectory::create(dir.path());
    auto moved = std::move(run);
    std::string m;
    CHECK(exit_code_of([&] { RunDirectory::open(dir.path()); }, &m) == 75);
    CHECK(m.find(dir.path() + ": process " + std::to_string(::getpid()) + " is using") == 0);
  }
  CHECK(exit_code_of([&] { RunDirectory::open(dir.path()); }) == 0);
}

TEST_CASE(
    "of two processes that race for a run one wins, the other learns whose it is, and a killed owner's lock "
    "is free") {
  for (int round = 0; round < 100; ++round) {
    TemporaryDirectory dir;
    int result[2], go[2];
    REQUIRE(::pipe(result) == 0);
    REQUIRE(::pipe(go) == 0);
    pid_t children[2];
    for (pid_t& child : children) {
      child = ::fork();
      REQUIRE(child >= 0);
      if (child != 0) continue;
      struct {
        pid_t self;
        int code;
        char message[400];
      } report{::getpid(), 0, {}};
      char start;
      (void)!::read(go[0], &start, 1);
      std::string m;
      std::optional<RunDirectory> run;
      report.code = exit_code_of([&] { run.emplace(RunDirectory::create(dir / "run")); }, &m);
      m.copy(report.message, sizeof report.message - 1);
      (void)!::write(result[1], &report, sizeof report);
      for (;;) ::pause();  // holds what it has until it is killed
    }
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(::write(go[1], "gg", 2) == 2);
    struct {
      pid_t self;
      int code;
      char message[400];
    } reports[2];
    for (auto& r : reports) REQUIRE(::read(result[0], &r, sizeof r) == static_cast<ssize_t>(sizeof r));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
    const auto& winner = reports[0].code == 0 ? reports[0] : reports[1];
    const auto& loser = reports[0].code == 0 ? reports[1] : reports[0];
    CHECK(winner.code == 0);
    CHECK(loser.code == 75);
    CHECK(std::string(loser.message).find("process " + std::to_string(winner.self) + " is using") !=
          std::string::npos);
    for (pid_t child : children) ::kill(child, SIGKILL), ::waitpid(child, nullptr, 0);
    CHECK(exit_code_of([&] { RunDirectory::open(dir / "run"); }) == 0);
    for (int f : {result[0], result[1], go[0], go[1]}) ::close(f);
  }
}
