// Damage: snapshots with random bits flipped and bytes changed. None is read as something else, and none does
// harm.
#include <boost/crc.hpp>
#include <cstring>
#include <random>

#include "../full_counts.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "fixture.hpp"

using namespace checkpoints;
using namespace checkpoints::test;

namespace {

/// Arrays in headers and in a chunk, links and attributes in headers and in heaps.
std::vector<std::byte> whole() {
  Archive a;
  a.put("theta/conv0/w", {30, 50}, std::vector<float>(1500, 1.5f));
  a.put<std::uint64_t>("in_flight/id", {2}, {7, UINT64_MAX});
  for (int i = 0; i < 10; ++i) a.put<std::int32_t>("many/" + std::to_string(i), {1}, {i});
  for (int i = 0; i < 10; ++i)
    a.set("config", "key" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'x'));
  a.set("counters", "update", std::int64_t{120});
  a.set("counters", "rates", std::vector<double>{0.5, 0.25});
  return snapshot_bytes(a);
}

void put_number(std::vector<std::byte>& bytes, std::size_t at, auto number) {
  std::memcpy(&bytes[at], &number, sizeof number);
}

std::uint32_t crc32(const std::byte* bytes, std::size_t count) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes, count);
  return crc.checksum();
}

/// Makes the user block's checksums those of the damaged bytes.
void seal(std::vector<std::byte>& bytes) {
  put_number(bytes, 24, crc32(bytes.data() + 512, bytes.size() - 512));
  put_number(bytes, 508, crc32(bytes.data(), 508));
}

struct Change {
  std::size_t at;
  std::byte was;
};

/// One to eight changes: a bit, a byte, or a run of bytes (zeros, ones or noise), half of them in the user
/// block and the first KiB of the body.
std::vector<Change> damage(std::vector<std::byte>& bytes, std::mt19937_64& random) {
  std::vector<Change> changes;
  for (std::size_t left = 1 + random() % 8; left > 0; --left) {
    const std::size_t kind = random() % 4, run = kind < 2 ? 1 : 1 + random() % 64;
    const std::size_t at =
        random() % (random() % 2 ? bytes.size() : std::min<std::size_t>(bytes.size(), 1536));
    const auto fill = static_cast<std::byte>(random() % 3 == 0 ? 0 : random() % 2 ? 255 : random());
    for (std::size_t i = at; i < std::min(at + run, bytes.size()); ++i) {
      changes.push_back({i, bytes[i]});
      bytes[i] = kind == 0   ? bytes[i] ^ (std::byte{1} << (random() % 8))
                 : kind == 3 ? static_cast<std::byte>(random())
                             : fill;
    }
  }
  return changes;
}

void restore(std::vector<std::byte>& bytes, const std::vector<Change>& changes) {
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) bytes[change->at] = change->was;
}

/// Every damaged copy is refused as bad data that names the file, unless the damage changed nothing.
void check_damaged(int count, std::uint64_t seed) {
  const auto original = whole();
  auto bytes = original;
  std::mt19937_64 random(seed);
  int refused = 0;
  for (int i = 0; i < count; ++i) {
    const auto changes = damage(bytes, random);
    std::string m;
    const int code = exit_code_of([&] { parse_snapshot(bytes, "s.h5"); }, &m);
    if (code != (bytes == original ? 0 : 65) || (code != 0 && m.find("s.h5: ") != 0))
      FAIL(i << ": " << code << " " << m);
    refused += code == 65;
    restore(bytes, changes);
  }
  CHECK(refused > count - count / 50);
  CHECK(bytes == original);
}

/// The same with checksums that fit the damage: what is read must be read without harm; most is refused.
void check_sealed(int count, std::uint64_t seed) {
  auto bytes = whole();
  std::mt19937_64 random(seed);
  int refused = 0;
  for (int i = 0; i < count; ++i) {
    auto damaged = bytes;
    damage(damaged, random);
    seal(damaged);
    const int code = exit_code_of([&] { parse_snapshot(damaged, "s.h5"); });
    if (code != 0 && code != 65) FAIL(i << ": " << code);
    refused += code == 65;
  }
  CHECK(refused > count / 2);
}

}  // namespace

TEST_CASE("a damaged snapshot is refused") { check_damaged(5000, 1); }

TEST_CASE("damage under right checksums does no harm") { check_sealed(5000, 2); }

TEST_SUITE("slow") {
  TEST_CASE("damaged snapshots, in full: none is read as something else") {
    const int count = full_counts() ? 1000000 : 100000;
    check_damaged(count, 3);
    check_sealed(count, 4);
  }

  TEST_CASE("a snapshot cut or extended at any length is refused, also where its checksums are right") {
    const auto bytes = whole();
    for (std::size_t length = 0; length < bytes.size() + 600; ++length) {
      auto cut = bytes;
      cut.resize(length);
      if (length != bytes.size() && exit_code_of([&] { parse_snapshot(cut, "s.h5"); }) != 65) FAIL(length);
      if (length < 512 + 48 || length == bytes.size()) continue;
      put_number(cut, 16, std::uint64_t{length - 512});
      seal(cut);
      if (exit_code_of([&] { parse_snapshot(cut, "s.h5"); }) != 65) FAIL(length << " sealed");
    }
  }
}
