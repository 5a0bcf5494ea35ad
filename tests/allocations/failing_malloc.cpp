#include "failing_malloc.hpp"

#include <cerrno>
#include <cstddef>
#include <limits>

// glibc's own, under the names that it keeps for those who stand before them.
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* from, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
}

namespace {

constexpr long kNever = std::numeric_limits<long>::max();
long allocations = 0, fail_at = kNever, stop_at = kNever;

bool fails() {
  const long number = allocations++;
  if (number < fail_at || number >= stop_at) return false;
  errno = ENOMEM;
  return true;
}

}  // namespace

void fail_allocations(long first, bool all_after) {
  allocations = 0;
  fail_at = first;
  stop_at = all_after ? kNever : first + 1;
}

long stop_failing() {
  fail_at = stop_at = kNever;
  return allocations;
}

extern "C" {
void* malloc(std::size_t bytes) { return fails() ? nullptr : __libc_malloc(bytes); }
void* calloc(std::size_t count, std::size_t bytes) { return fails() ? nullptr : __libc_calloc(count, bytes); }
void* realloc(void* from, std::size_t bytes) { return fails() ? nullptr : __libc_realloc(from, bytes); }
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return fails() ? nullptr : __libc_memalign(alignment, bytes);
}
}
