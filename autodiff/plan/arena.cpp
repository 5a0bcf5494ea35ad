#include "autodiff/plan/arena.hpp"

#include <sys/mman.h>

#include <new>

namespace autodiff {

namespace {
constexpr std::size_t kHugePage = std::size_t{2} << 20;
}

void Arena::reserve(std::size_t bytes) {
  if (bytes <= bytes_) return;
  release();
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  // Page faults cost more than the arithmetic of a small step; if the advice is refused, the arena still
  // works.
  if (bytes >= kHugePage) madvise(p, bytes, MADV_HUGEPAGE);
  data_ = static_cast<std::byte*>(p);
  bytes_ = bytes;
}

void Arena::release() {
  if (data_) munmap(data_, bytes_);
  data_ = nullptr;
  bytes_ = 0;
}

}  // namespace autodiff
