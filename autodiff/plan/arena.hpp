// Arena: one page-aligned block of memory for a plan's values; address space is reserved at once, pages are
// touched only when used. One thread at a time.
#pragma once
#include <cstddef>
#include <utility>

namespace autodiff {

class Arena {
 public:
  Arena() = default;
  ~Arena() { release(); }
  Arena(Arena&& other) noexcept : data_(other.data_), bytes_(other.bytes_), high_water_(other.high_water_) {
    other.data_ = nullptr, other.bytes_ = 0;
  }
  Arena& operator=(Arena&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(high_water_, other.high_water_);
    return *this;
  }

  /// Ensures a size of at least `bytes`; growing discards the contents. Throws std::bad_alloc.
  void reserve(std::size_t bytes);
  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

  /// The highest end of the buffers of all steps that ran, by the plan's offsets. A test with guard bytes
  /// (tests/autodiff/plan_test.cpp) checks that kernels write only to their buffers, so that this is what was
  /// really written.
  std::size_t high_water() const { return high_water_; }
  void touch(std::size_t end) {
    if (end > high_water_) high_water_ = end;
  }

 private:
  void release();
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0, high_water_ = 0;
};

}  // namespace autodiff
