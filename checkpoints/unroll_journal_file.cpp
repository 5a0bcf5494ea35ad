#include "checkpoints/unroll_journal_file.hpp"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace checkpoints {

namespace {

constexpr std::string_view kBegin = "window-", kEnd = ".journal";

constexpr std::array<char, 8> kMagic = {'M', 'L', 'J', 'O', 'U', 'R', 'N', '1'};

struct Head {
  std::array<char, 8> magic;
  std::uint64_t key;
  std::int64_t generation;
};

}  // namespace

std::string journal_name(std::uint64_t task) { return fmt::format("{}{}{}", kBegin, task, kEnd); }

bool is_journal_name(std::string_view name) {
  if (!name.starts_with(kBegin) || !name.ends_with(kEnd)) return false;
  name = name.substr(kBegin.size(), name.size() - kBegin.size() - kEnd.size());
  return !name.empty() && name.find_first_not_of("0123456789") == name.npos;
}

struct UnrollJournalFile::Hash {
  Hash() { XXH3_64bits_reset(&state); }
  void add(std::span<const std::byte> bytes) { XXH3_64bits_update(&state, bytes.data(), bytes.size()); }
  std::uint64_t value() const { return XXH3_64bits_digest(&state); }
  XXH3_state_t state;
};

UnrollJournalFile::UnrollJournalFile(FileSystem& files, std::string path, std::uint64_t key, double seconds,
                                     Clock::time_point since, std::int64_t generation)
    : files_(files),
      path_(std::move(path)),
      key_(key),
      seconds_(seconds),
      since_(since),
      generation_(generation) {}

UnrollJournalFile::~UnrollJournalFile() {
  if (file_ >= 0) files_.close(file_);
}

/// Reads at most bytes.size() bytes; returns how many there are.
std::size_t UnrollJournalFile::read_at(std::uint64_t at, std::span<std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        files_.pread(file_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw IoError(fmt::format(
          "{}: can't be read: {}; check that disk, or remove the file: the unroll then starts again", path_,
          std::strerror(errno)));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

/// Empty: the file is valid.
std::string_view UnrollJournalFile::what_is_wrong() {
  constexpr std::string_view kDamaged = "damaged";
  Head head{};
  std::uint64_t found = 0, at = 0;
  std::vector<std::byte> block(std::size_t{1} << 16), tail;
  Hash hash;
  // The last eight bytes read so far are not hashed yet: they may be the checksum.
  for (;;) {
    const std::size_t got = read_at(at, block);
    if (at == 0) {
      if (got < sizeof head + sizeof found) return kDamaged;
      std::memcpy(&head, block.data(), sizeof head);
      if (head.magic != kMagic) return kDamaged;
      if (head.key != key_) return "of another plan";
    }
    at += got;
    tail.insert(tail.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got));
    const std::size_t before = tail.size() - sizeof found;
    hash.add(std::span(tail).first(before));
    tail.erase(tail.begin(), tail.begin() + static_cast<std::ptrdiff_t>(before));
    if (got < block.size()) break;
  }
  std::memcpy(&found, tail.data(), sizeof found);
  return found == hash.value() ? "" : kDamaged;
}

/// False if there is no file.
bool UnrollJournalFile::open() {
  if (file_ >= 0) return true;
  try {
    file_ = open_to_read(files_, path_, Links::refused);
    return true;
  } catch (const NoSuchFile&) {
    return false;
  } catch (const NoInput& e) {
    throw IoError(
        fmt::format("{}; change its permissions, or remove it: the unroll then starts again", e.what()));
  }
}

bool UnrollJournalFile::resume() {
  if (!open()) return false;
  at_ = sizeof(Head);
  passed_over_ = what_is_wrong();
  return passed_over_.empty();
}

bool UnrollJournalFile::is_of_generation() {
  if (!open()) return false;
  Head head{};
  return read_at(0, std::as_writable_bytes(std::span(&head, 1))) == sizeof head && head.magic == kMagic &&
         head.generation == generation_;
}

void UnrollJournalFile::read(std::span<std::byte> bytes) {
  if (read_at(at_, bytes) < bytes.size())
    throw IoError(
        fmt::format("{}: was changed while it was read; remove it: the unroll then starts again", path_));
  at_ += bytes.size();
}

bool UnrollJournalFile::is_due(bool is_end) {
  return std::chrono::duration<double>(Clock::now() - (is_end ? since_ : ended_)).count() >=
         std::max(seconds_, took_ / kShare);
}

/// Runs one step of saving progress; after a write error the remaining steps do nothing.
template <class F>
void UnrollJournalFile::attempt(F f) {
  try {
    f();
  } catch (const IoError& e) {
    lost_ = failure_ = e.what();
    out_.reset();
  }
}

void UnrollJournalFile::begin() {
  begun_ = Clock::now();
  lost_.clear();
  attempt([&] {
    out_ = std::make_unique<DurableFile>(files_, path_);
    hash_ = std::make_unique<Hash>();
  });
  const Head head{kMagic, key_, generation_};
  write(std::as_bytes(std::span(&head, 1)));
}

void UnrollJournalFile::write(std::span<const std::byte> bytes) {
  if (!out_) return;
  hash_->add(bytes);
  attempt([&] { out_->write(bytes); });
}

std::string UnrollJournalFile::commit() {
  if (out_) {
    const std::uint64_t sum = hash_->value();
    attempt([&] {
      out_->write(std::as_bytes(std::span(&sum, 1)));
      out_->commit();
    });
    out_.reset();
  }
  ended_ = Clock::now();
  took_ = std::chrono::duration<double>(ended_ - begun_).count();
  return lost_;
}

void UnrollJournalFile::remove() { files_.unlink(path_); }

}  // namespace checkpoints
