// Harness of the IDX reader: two bytes say how many bytes are the file of labels (plain or gzip), the rest is
// the file of images.
#include <algorithm>

#include "checkpoints/error.hpp"
#include "memory_file.hpp"
#include "metalearn/data/formats/idx.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static MemoryFile images, labels;
  if (size < 2) return 0;
  const std::span<const std::uint8_t> bytes(data + 2, size - 2);
  const std::size_t split = std::min<std::size_t>(data[0] + 256u * data[1], bytes.size());
  labels.hold(bytes.first(split));
  images.hold(bytes.subspan(split));
  try {
    const auto set = metalearn::read_idx(images.path(), labels.path());
    if (set.count() == 0 || set.height <= 0 || set.width <= 0 ||
        set.pixels.size() != static_cast<std::size_t>(set.count() * set.height * set.width))
      std::abort();
  } catch (const checkpoints::BadData&) {
  }
  return 0;
}
