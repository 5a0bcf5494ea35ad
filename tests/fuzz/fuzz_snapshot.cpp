// Harness of the snapshot reader. The user block's lengths and checksums do not stand in the way: they are
// made right before the reader sees them. Whatever is read must be finite and no larger than the file.
#include <algorithm>
#include <boost/crc.hpp>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "checkpoints/error.hpp"
#include "checkpoints/snapshot_file.hpp"

namespace {

constexpr std::size_t kBlock = 512;

std::uint32_t crc32(const std::byte* bytes, std::size_t count) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes, count);
  return crc.checksum();
}

/// Right lengths and checksums, unless the input says otherwise (three bits of a checksum that would be
/// overwritten).
void mend(std::vector<std::byte>& file) {
  if (file.size() < kBlock) return;
  if ((file[24] & std::byte{7}) != std::byte{7}) {
    const std::uint64_t body = file.size() - kBlock, end = file.size();
    std::memcpy(&file[16], &body, sizeof body);
    if (file.size() >= kBlock + 48) std::memcpy(&file[kBlock + 28], &end, sizeof end);  // of the superblock
  }
  const std::uint32_t body_crc = crc32(file.data() + kBlock, file.size() - kBlock);
  std::memcpy(&file[24], &body_crc, sizeof body_crc);
  const std::uint32_t block_crc = crc32(file.data(), kBlock - 4);
  std::memcpy(&file[kBlock - 4], &block_crc, sizeof block_crc);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  std::vector<std::byte> input(bytes.begin(), bytes.end());
  mend(input);
  try {
    const auto archive = checkpoints::parse_snapshot(input, "fuzz");
    std::size_t total = 0;
    for (const auto& [path, array] : archive.arrays())
      std::visit(
          [&](const auto& numbers) {
            total += numbers.size();
            if constexpr (std::is_floating_point_v<std::decay_t<decltype(numbers[0])>>)
              if (!std::all_of(numbers.begin(), numbers.end(), [](auto x) { return std::isfinite(x); }))
                std::abort();
          },
          array.data);
    if (total > input.size()) std::abort();
  } catch (const checkpoints::BadData&) {
  }
  return 0;
}
