#include "checkpoints/snapshot_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/crc.hpp>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "checkpoints/error.hpp"
#include "checkpoints/image.hpp"

namespace checkpoints {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers of the user block are little-endian");

constexpr std::array<char, 8> kMagic = {'M', 'L', 'S', 'N', 'A', 'P', '\r', '\n'};
constexpr std::size_t kBlockBytes = 512;

/// FORMAT.md, "User block".
struct UserBlock {
  std::array<char, 8> magic = kMagic;
  std::uint32_t schema = kSnapshotSchema;
  std::uint32_t block_bytes = kBlockBytes;
  std::uint64_t body_bytes = 0;
  std::uint32_t body_crc = 0;
  std::array<std::uint8_t, 480> zero{};
  std::uint32_t block_crc = 0;
};
static_assert(sizeof(UserBlock) == kBlockBytes && offsetof(UserBlock, block_crc) == 508);

std::uint32_t crc32(const void* bytes, std::size_t count) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes, count);
  return crc.checksum();
}

/// The first number of the archive that is not finite ("theta/w: number 3 is nan"), or empty.
std::string not_finite(const Archive& archive) {
  std::string found;
  auto look = [&](const auto& place, const auto& numbers) {
    if constexpr (std::is_floating_point_v<std::decay_t<decltype(numbers[0])>>) {
      const auto bad = std::find_if(numbers.begin(), numbers.end(), [](auto x) { return !std::isfinite(x); });
      if (bad != numbers.end() && found.empty())
        found = fmt::format("{}: number {} is {}", place(), bad - numbers.begin(), *bad);
    }
  };
  for (const auto& [path, array] : archive.arrays())
    std::visit([&, &where = path](const auto& data) { look([&] { return where; }, data); }, array.data);
  for (const auto& [path, values] : archive.attributes())
    for (const auto& [name, value] : values) {
      auto place = [&, &where = path, &attribute = name] { return where + ":" + attribute; };
      if (auto* number = std::get_if<double>(&value)) look(place, std::span(number, 1));
      if (auto* numbers = std::get_if<std::vector<double>>(&value)) look(place, *numbers);
    }
  return found;
}

}  // namespace

std::vector<std::byte> snapshot_bytes(const Archive& archive) {
  if (const auto where = not_finite(archive); !where.empty())
    throw std::invalid_argument(fmt::format("[snapshot] {}; only finite numbers are saved", where));
  std::vector<std::byte> bytes = to_image(archive, kBlockBytes);
  UserBlock block;
  block.body_bytes = bytes.size() - kBlockBytes;
  block.body_crc = crc32(bytes.data() + kBlockBytes, block.body_bytes);
  block.block_crc = crc32(&block, offsetof(UserBlock, block_crc));
  std::memcpy(bytes.data(), &block, kBlockBytes);
  return bytes;
}

Archive parse_snapshot(std::span<const std::byte> bytes, const std::string& name) {
  auto refuse = [&](const std::string& what) { return BadData(fmt::format("{}: {}", name, what)); };
  UserBlock block;
  if (bytes.size() >= sizeof block.magic) std::memcpy(&block.magic, bytes.data(), sizeof block.magic);
  if (bytes.empty()) throw refuse("is empty, not a snapshot; use an older one");
  if (bytes.size() < sizeof block.magic || block.magic != kMagic)
    throw refuse(
        "is not a snapshot (it does not begin with MLSNAP); name a run directory or one of its snapshot-*.h5 "
        "files");
  if (bytes.size() < kBlockBytes)
    throw refuse(fmt::format("truncated: {} bytes found (at least {} expected); use an older snapshot",
                             bytes.size(), kBlockBytes));
  std::memcpy(&block, bytes.data(), kBlockBytes);
  if (const std::uint32_t crc = crc32(bytes.data(), offsetof(UserBlock, block_crc)); crc != block.block_crc)
    throw refuse(fmt::format("damaged (user block checksum {:08x}, expected {:08x}); use an older snapshot",
                             crc, block.block_crc));
  if (block.schema == 0 || block.schema > kSnapshotSchema)
    throw NewerSchema(
        fmt::format("{}: has schema version {} (this program reads up to {}); use the program that wrote it",
                    name, block.schema, kSnapshotSchema));
  if (block.block_bytes != kBlockBytes || block.zero != UserBlock().zero)
    throw refuse("has a malformed user block; use an older snapshot");
  const auto body = bytes.subspan(kBlockBytes);
  if (body.size() != block.body_bytes)
    throw refuse(fmt::format("{}: body of {} bytes found ({} expected); use an older snapshot",
                             body.size() < block.body_bytes ? "truncated" : "damaged", body.size(),
                             block.body_bytes));
  if (const std::uint32_t crc = crc32(body.data(), body.size()); crc != block.body_crc)
    throw refuse(fmt::format("damaged (body checksum {:08x}, expected {:08x}); use an older snapshot", crc,
                             block.body_crc));
  Archive archive = from_image(bytes, name, Accept::plain);
  if (const auto where = not_finite(archive); !where.empty())
    throw refuse(fmt::format("/{}; a run can't continue from it; use an older snapshot", where));
  return archive;
}

void save_snapshot(const std::string& path, const Archive& archive, FileSystem& files) {
  write_durably(files, path, snapshot_bytes(archive));
}

Archive load_snapshot(const std::string& path, FileSystem& files) {
  return parse_snapshot(read_file(files, path), path);
}

}  // namespace checkpoints
