#include "checkpoints/disk_checkpoints.hpp"

#include <fmt/format.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace checkpoints {

using autodiff::Slot;

DiskCheckpoints::DiskCheckpoints(FileSystem& files, const std::string& directory, Slot slots,
                                 std::size_t state_bytes)
    : files_(files),
      directory_(directory),
      state_bytes_(state_bytes),
      checksums_(static_cast<std::size_t>(slots)),
      in_(state_bytes) {
  for (auto& buffer : out_) buffer.resize(state_bytes);
  std::string path;
  for (int i = 0; file_ < 0; ++i) {
    path = fmt::format("{}/unroll-{}-{}.slots", directory, ::getpid(), i);
    file_ = files_.open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file_ < 0 && errno != EEXIST && errno != EINTR) fail("open", errno);
  }
  const auto give_up = [&](const char* what) {
    const int error = errno;
    files_.close(file_);
    fail(what, error);
  };
  if (files_.unlink(path) < 0) {
    const int error = errno;
    files_.unlink(path);  // try again: the name must not remain
    errno = error;
    give_up("unlink");
  }
  const off_t bytes = static_cast<off_t>(state_bytes_) * slots;
  while (bytes > 0 && files_.allocate(file_, bytes) < 0)
    if (errno != EINTR) give_up("allocate");
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error& e) {
    errno = e.code().value();
    give_up("thread");
  }
}

DiskCheckpoints::~DiskCheckpoints() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
  files_.close(file_);
}

void DiskCheckpoints::fail(const char* what, int error) const {
  const char* fix = error == ENOSPC || error == EDQUOT
                        ? "free space on that disk, give --disk less, or choose another folder (--disk-dir)"
                    : error == ENOENT ? "make that folder, or choose another one (--disk-dir)"
                    : error == EAGAIN
                        ? "end other programs: no more threads or memory are available"
                        : "check that disk and its permissions, or choose another folder (--disk-dir)";
  throw IoError(fmt::format("{}: checkpoints can't be kept there: {}: {}; {}", directory_, what,
                            std::strerror(error), fix));
}

std::size_t DiskCheckpoints::checked(Slot slot, std::size_t bytes) const {
  if (slot < 0 || slot >= static_cast<Slot>(checksums_.size()))
    throw std::invalid_argument(
        fmt::format("[disk checkpoints] no such slot: {} (there are {})", slot, checksums_.size()));
  if (bytes != state_bytes_)
    throw std::invalid_argument(
        fmt::format("[disk checkpoints] a state needs {} bytes: found {}", state_bytes_, bytes));
  return static_cast<std::size_t>(slot);
}

/// Returns the lock once ready(); throws the failure of a transfer.
template <class Ready>
std::unique_lock<std::mutex> DiskCheckpoints::wait(Ready ready) {
  std::unique_lock lock(mutex_);
  if (!failure_ && !ready()) {
    const auto before = std::chrono::steady_clock::now();
    changed_.wait(lock, [&] { return failure_ || ready(); });
    waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
  }
  if (failure_) std::rethrow_exception(failure_);
  return lock;
}

void DiskCheckpoints::store(Slot slot, std::span<const std::byte> state) {
  checked(slot, state.size());
  const auto idle = [&] { return std::find(busy_.begin(), busy_.end(), false); };
  std::size_t buffer = 0;
  {
    const auto lock = wait([&] { return idle() != busy_.end(); });
    buffer = static_cast<std::size_t>(idle() - busy_.begin());
    busy_[buffer] = true;
  }
  std::copy(state.begin(), state.end(), out_[buffer].begin());
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back({true, slot, buffer});
  }
  changed_.notify_all();
}

void DiskCheckpoints::begin_read(Slot slot) {
  {
    const auto lock = wait([] { return true; });
    read_done_ = false;
    jobs_.push_back({false, slot, 0});
  }
  ahead_ = slot;
  changed_.notify_all();
}

void DiskCheckpoints::prefetch(Slot slot) {
  checked(slot, state_bytes_);
  if (ahead_ >= 0)
    throw std::invalid_argument(
        fmt::format("[disk checkpoints] slot {} was prefetched and has to be loaded first", ahead_));
  begin_read(slot);
}

void DiskCheckpoints::load(Slot slot, std::span<std::byte> state) {
  checked(slot, state.size());
  if (ahead_ >= 0 && ahead_ != slot)
    throw std::invalid_argument(
        fmt::format("[disk checkpoints] slot {} was prefetched and has to be loaded first", ahead_));
  if (ahead_ < 0) begin_read(slot);
  const auto lock = wait([&] { return read_done_; });
  ahead_ = -1;
  std::copy(in_.begin(), in_.end(), state.begin());
}

void DiskCheckpoints::settle() {
  wait([&] { return jobs_.empty(); });
  while (files_.fsync(file_) < 0)
    if (errno != EINTR) fail("fsync", errno);
#ifdef POSIX_FADV_DONTNEED
  ::posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED);
#endif
}

void DiskCheckpoints::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || !jobs_.empty(); });
    if (stop_) return;
    const Job job = jobs_.front();
    lock.unlock();
    std::exception_ptr failure;
    try {
      transfer(job);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    jobs_.pop_front();
    if (failure) {
      failure_ = failure;
      jobs_.clear();
    }
    if (job.write)
      busy_[job.buffer] = false;
    else
      read_done_ = true;
    changed_.notify_all();
  }
}

void DiskCheckpoints::transfer(const Job& job) {
  std::vector<std::byte>& buffer = job.write ? out_[job.buffer] : in_;
  std::uint64_t& sum = checksums_[static_cast<std::size_t>(job.slot)];
  if (job.write) sum = XXH3_64bits(buffer.data(), buffer.size());
  for (std::size_t done = 0; done < buffer.size();) {
    const off_t at =
        static_cast<off_t>(job.slot) * static_cast<off_t>(state_bytes_) + static_cast<off_t>(done);
    const std::size_t rest = buffer.size() - done;
    const ssize_t moved = job.write ? files_.pwrite(file_, buffer.data() + done, rest, at)
                                    : files_.pread(file_, buffer.data() + done, rest, at);
    if (moved < 0 && errno == EINTR) continue;
    if (moved <= 0) fail(job.write ? "write" : "read", moved < 0 ? errno : job.write ? ENOSPC : EIO);
    done += static_cast<std::size_t>(moved);
  }
  if (!job.write && XXH3_64bits(buffer.data(), buffer.size()) != sum)
    throw IoError(
        fmt::format("{}: checkpoint slot {} was damaged between writing and reading; check that disk, or "
                    "choose another folder (--disk-dir)",
                    directory_, job.slot));
}

autodiff::DiskCosts measure_disk(FileSystem& files, const std::string& directory, std::size_t state_bytes,
                                 std::size_t most_bytes) {
  constexpr std::size_t kBytes = std::size_t{16} << 20;
  const auto states =
      static_cast<Slot>(std::clamp<std::size_t>(std::min(kBytes, most_bytes) / state_bytes, 1, 1024));
  DiskCheckpoints disk(files, directory, states, state_bytes);
  std::vector<std::byte> state(state_bytes, std::byte{1});
  const auto seconds = [&](auto transfer_all) {
    const auto before = std::chrono::steady_clock::now();
    transfer_all();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count() /
           static_cast<double>(states);
  };
  const double write = seconds([&] {
    for (Slot i = 0; i < states; ++i) disk.store(i, state);
    disk.settle();
  });
  const double read = seconds([&] {
    for (Slot i = 0; i < states; ++i) disk.load(i, state);
  });
  return {write, read};
}

}  // namespace checkpoints
