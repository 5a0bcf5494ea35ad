// Harness of the NPY reader: the input is a file. What it accepts has as many numbers as its shape says.
#include <cmath>
#include <cstdlib>

#include "checkpoints/error.hpp"
#include "metalearn/data/formats/npy.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const metalearn::NpyArray array({data, size}, "fuzz");
    std::int64_t count = 1;
    for (auto extent : array.shape()) count *= extent;
    if (count != array.count()) std::abort();
    const auto check = [&](auto numbers) {
      if (static_cast<std::int64_t>(numbers.size()) != count) std::abort();
    };
    if (array.is_float()) {
      for (float x : array.floats())
        if (!std::isfinite(x)) std::abort();
    }
    check(array.floats());
    check(array.integers());
  } catch (const checkpoints::BadData&) {
  }
  return 0;
}
