// Harness of the CIFAR-10 reader: the input is a file, plain or gzip; a first byte of 255 says that it is
// repeated up to whole records.
#include "checkpoints/error.hpp"
#include "memory_file.hpp"
#include "metalearn/data/formats/cifar.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static MemoryFile file;
  if (size == 0) return 0;
  std::vector<std::uint8_t> bytes(data + 1, data + size);
  constexpr std::size_t kRecord = 3073;
  if (data[0] == 255)
    for (std::size_t from = 0, whole = (bytes.size() + kRecord - 1) / kRecord * kRecord; bytes.size() < whole;
         ++from)
      bytes.push_back(bytes[from]);
  file.hold(bytes);
  try {
    metalearn::ImageSet set;
    metalearn::read_cifar10_file(file.path(), set);
    if (set.count() == 0 || set.pixels.size() != static_cast<std::size_t>(set.count()) * 1024) std::abort();
    for (auto label : set.labels)
      if (label < 0 || label > 9) std::abort();
  } catch (const checkpoints::BadData&) {
  }
  return 0;
}
