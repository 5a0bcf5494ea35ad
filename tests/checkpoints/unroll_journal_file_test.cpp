#include "checkpoints/unroll_journal_file.hpp"

#include <cstring>
#include <thread>

#include "../autodiff/toy_segment.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/disk_checkpoints.hpp"
#include "fixture.hpp"

using namespace checkpoints;
using namespace checkpoints::test;
using autodiff::test::ToySegment;

namespace {

constexpr std::size_t kBytes = 64 * sizeof(float);

const autodiff::Schedule& schedule() {
  static const autodiff::Schedule s = autodiff::two_level(30, 2, 5);
  return s;
}

struct Killed {};

std::vector<float> unrolled(ToySegment<float>& segment, const std::string& directory,
                            autodiff::UnrollJournal* journal) {
  std::vector<float> phi(64, 0.5f), adjoint(64), gradient(64);
  autodiff::Arena arena;
  DiskCheckpoints disk(posix_file_system(), directory, schedule().disk_slots, kBytes);
  autodiff::unroll<float>(segment, schedule(), phi, adjoint, gradient, arena, &disk, journal);
  gradient.insert(gradient.end(), phi.begin(), phi.end());
  return gradient;
}

/// Dies with the process at its n-th write.
class KillingFileSystem final : public FaultyFileSystem {
 public:
  explicit KillingFileSystem(int n) : left(n) {}
  ssize_t write(int f, const void* from, std::size_t n) override {
    if (--left == 0) throw Killed();
    return FaultyFileSystem::write(f, from, n);
  }
  int left;
};

/// Due at every chance.
class EverMoreJournal final : public UnrollJournalFile {
 public:
  EverMoreJournal(FileSystem& files, const std::string& path, std::uint64_t key)
      : UnrollJournalFile(files, path, key, 0) {}
  bool is_due(bool) override { return true; }
};

/// A disk that takes its time.
class SlowFileSystem final : public FaultyFileSystem {
 public:
  int fsync(int f) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return FaultyFileSystem::fsync(f);
  }
};

/// A journal that holds three numbers.
std::string write_journal(const TemporaryDirectory& dir, std::uint64_t key) {
  const std::string path = dir / "unroll.journal";
  UnrollJournalFile journal(posix_file_system(), path, key, 0);
  const std::array<double, 3> numbers = {1, 2, 3};
  journal.begin();
  journal.write(std::as_bytes(std::span(numbers)));
  journal.commit();
  return path;
}

}  // namespace

TEST_CASE(
    "an unroll that dies while it writes goes on from its journal, to the same bits, and does not start "
    "again") {
  TemporaryDirectory dir;
  ToySegment<float> straight;
  const auto expected = unrolled(straight, dir.path(), nullptr);
  int went_on = 0;
  for (int n : {1, 2, 5, 40, 300, 301, 302, 700, 1000, 1500}) {
    CAPTURE(n);
    TemporaryDirectory run;
    const std::string path = run / "unroll.journal";
    ToySegment<float> first, second;
    try {
      KillingFileSystem files(n);
      EverMoreJournal journal(files, path, 7);
      const bool is_same = unrolled(first, dir.path(), &journal) == expected;
      CHECK(is_same);
    } catch (const Killed&) {
    }
    UnrollJournalFile journal(posix_file_system(), path, 7, 1e9);
    const bool is_there = journal.resume();
    CHECK(is_there == (n > 20));
    CHECK(unrolled(second, dir.path(), &journal) == expected);
    went_on += second.advances + second.turns < straight.advances + straight.turns;
    CHECK(names_in(run.path()) == std::vector<std::string>(is_there ? 1 : 0, "unroll.journal"));
  }
  CHECK(went_on >= 6);
}

TEST_CASE("a journal is read to the bit by the unroll whose key it has, and by no other") {
  TemporaryDirectory dir;
  const std::string path = write_journal(dir, 42);
  UnrollJournalFile journal(posix_file_system(), path, 42, 0), other(posix_file_system(), path, 43, 0),
      none(posix_file_system(), dir / "none", 42, 0);
  for (int again = 0; again < 2; ++again) {
    REQUIRE(journal.resume());
    std::array<double, 3> numbers{};
    journal.read(std::as_writable_bytes(std::span(numbers)));
    CHECK(numbers == std::array<double, 3>{1, 2, 3});
  }
  CHECK_FALSE(other.resume());
  CHECK_FALSE(none.resume());
  CHECK(journal.passed_over().empty());
  CHECK(other.passed_over() == "of another plan");
  CHECK(none.passed_over().empty());
}

TEST_CASE("a journal that is cut off, grown or damaged anywhere counts as none") {
  TemporaryDirectory dir;
  const std::string path = write_journal(dir, 42);
  const auto whole = read_file(posix_file_system(), path);
  const auto accepted = [&](std::span<const std::byte> bytes) {
    write_durably(posix_file_system(), path, bytes);
    UnrollJournalFile journal(posix_file_system(), path, 42, 0);
    const bool is_whole = journal.resume();
    CHECK(journal.passed_over().empty() == is_whole);
    return is_whole;
  };
  CHECK(accepted(whole));
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK_FALSE(accepted(std::span(whole).first(n)));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto damaged = whole;
    damaged[i] ^= std::byte{4};
    CHECK_FALSE(accepted(damaged));
  }
  auto grown = whole;
  grown.push_back(std::byte{0});
  CHECK_FALSE(accepted(grown));
}

TEST_CASE(
    "whichever system call fails while a progress is kept, the one before it stays, the unroll goes on, and "
    "why is told; where reading fails it ends") {
  for (int error : {ENOSPC, EIO}) {
    int failures = 0, refusals = 0;
    for (int i = 0;; ++i) {
      TemporaryDirectory dir;
      const std::string path = write_journal(dir, 42);
      const auto before = bytes_of(path);
      FaultyFileSystem files(i, error);
      std::string m;
      const int code = exit_code_of(
          [&] {
            UnrollJournalFile journal(files, path, 42, 0);
            const bool is_there = journal.resume();
            CHECK(is_there);
            journal.begin();
            journal.write(std::vector<std::byte>(100000));
            journal.write(std::vector<std::byte>(100000));
            journal.commit();
            m = journal.failure();
          },
          &m);
      CAPTURE(i);
      CAPTURE(m);
      CHECK(names_in(dir.path()) == std::vector<std::string>{"unroll.journal"});
      CHECK(UnrollJournalFile(posix_file_system(), path, 42, 0).resume());
      if (files.calls <= i) break;
      if (m.empty()) continue;  // the last close
      CHECK(m.find(dir.path()) == 0);
      CHECK(m.find(std::strerror(error)) != std::string::npos);
      refusals += code == 74;
      failures += code == 0;
      if (code == 0 && m.find("fsync") == std::string::npos && m.find(path) == 0)
        CHECK(bytes_of(path) == before);
    }
    CHECK(refusals >= 2);
    CHECK(failures >= 6);
  }
}

TEST_CASE("a progress that could not be kept is followed by one that can") {
  TemporaryDirectory dir;
  FaultyFileSystem files(1, ENOSPC);
  UnrollJournalFile journal(files, dir / "unroll.journal", 42, 0);
  for (const bool is_kept : {false, true}) {
    journal.begin();
    journal.write(std::vector<std::byte>(100));
    CHECK(journal.commit().empty() == is_kept);
    CHECK(UnrollJournalFile(posix_file_system(), dir / "unroll.journal", 42, 0).resume() == is_kept);
  }
  CHECK(journal.failure().find("No space left") != std::string::npos);
  journal.remove();
  CHECK(names_in(dir.path()).empty());
}

TEST_CASE(
    "a progress is due after its interval, and never so soon that keeping them takes more than a twentieth "
    "of the time") {
  TemporaryDirectory dir;
  for (const bool is_end : {false, true}) {
    CHECK(UnrollJournalFile(posix_file_system(), dir / "a", 1, 0).is_due(is_end));
    CHECK_FALSE(UnrollJournalFile(posix_file_system(), dir / "a", 1, 1000).is_due(is_end));
    const auto long_ago = UnrollJournalFile::Clock::now() - std::chrono::seconds(2000);
    CHECK(UnrollJournalFile(posix_file_system(), dir / "a", 1, 1000, long_ago).is_due(is_end) == is_end);
  }
  SlowFileSystem files;
  UnrollJournalFile journal(files, dir / "a", 1, 0);
  journal.begin();
  journal.commit();  // in 100 ms, for file and folder
  CHECK_FALSE(journal.is_due(false));
  while (!journal.is_due(false)) std::this_thread::sleep_for(std::chrono::milliseconds(10));
}
