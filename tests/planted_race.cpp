// A race on purpose, through the project's own parallel seam: the tsan build must report it, or its silence
// about everything else means nothing.
#include <cstdio>

#include "autodiff/parallel/parallel.hpp"

int main() {
  long sum = 0;
  autodiff::Parallel(2).for_each(100000, [&](std::size_t i) { sum += static_cast<long>(i); });
  std::printf("%ld\n", sum);
}
