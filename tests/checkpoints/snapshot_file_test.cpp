#include "checkpoints/snapshot_file.hpp"

#include <cmath>
#include <cstring>
#include <random>
#include <stdexcept>

#include "checkpoints/image.hpp"
#include "fixture.hpp"

using namespace checkpoints;
using namespace checkpoints::test;

namespace {
Archive sample(float value = 1.5f) {
  Archive a;
  a.put("theta/conv0/w", {30, 50}, std::vector<float>(1500, value));
  a.put<std::uint64_t>("in_flight/id", {2}, {7, UINT64_MAX});
  a.set("counters", "update", std::int64_t{120});
  a.set_texts("config", {{"preset", "small"}});
  return a;
}
}  // namespace

TEST_CASE("a snapshot gives back what was saved") {
  TemporaryDirectory dir;
  save_snapshot(dir / "s.h5", sample());
  const Archive a = load_snapshot(dir / "s.h5");
  CHECK(a.name() == dir / "s.h5");
  CHECK(a.numbers<float>("theta/conv0/w", {30, 50}) == std::vector<float>(1500, 1.5f));
  CHECK(a.numbers<std::uint64_t>("in_flight/id") == std::vector<std::uint64_t>{7, UINT64_MAX});
  CHECK(a.attribute<std::int64_t>("counters", "update") == 120);
  CHECK(a.texts("config").at("preset") == "small");
  CHECK(snapshot_bytes(sample()) == bytes_of(dir / "s.h5"));
}

TEST_CASE("the user block has the fields of FORMAT.md, and h5py reads past it") {
  TemporaryDirectory dir;
  save_snapshot(dir / "s.h5", sample());
  CHECK(python(dir, "import struct, zlib\nname = '" + dir / "s.h5" + R"('
b = open(name, 'rb').read()
magic, schema, block, body, body_crc = struct.unpack('<8sIIQI', b[:28])
print(magic, schema, block, body == len(b) - 512, body_crc == zlib.crc32(b[512:]), not any(b[28:508]),
      struct.unpack('<I', b[508:512])[0] == zlib.crc32(b[:508]))
f = h5py.File(name)
print(f.userblock_size, f['theta/conv0/w'].shape, f['theta/conv0/w'][29, 49], f['in_flight/id'][1])
)") == "b'MLSNAP\\r\\n' 2 512 True True True True\n512 (30, 50) 1.5 18446744073709551615\n");
}

TEST_CASE("a snapshot cut at any length is refused with its name") {
  const auto bytes = snapshot_bytes(sample());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    std::string m;
    if (exit_code_of([&] { parse_snapshot(std::span(bytes).first(length), "s.h5"); }, &m) != 65 ||
        m.find("s.h5: ") != 0)
      FAIL(length << ": " << m);
  }
  auto longer = bytes;
  longer.push_back(std::byte{0});
  CHECK(exit_code_of([&] { parse_snapshot(longer, "s.h5"); }) == 65);
}

TEST_CASE("a snapshot with any one bit flipped is refused, naming both checksums") {
  auto bytes = snapshot_bytes(sample());
  std::mt19937_64 random(1);
  for (int i = 0; i < 5000; ++i) {
    const std::size_t at = i < 512 ? static_cast<std::size_t>(i) : random() % bytes.size();
    const auto bit = std::byte{1} << (random() % 8);
    bytes[at] ^= bit;
    std::string m;
    const int code = exit_code_of([&] { parse_snapshot(bytes, "s.h5"); }, &m);
    if (code != 65 || (at >= 8 && m.find("checksum") == std::string::npos)) FAIL(at << ": " << m);
    bytes[at] ^= bit;
  }
  CHECK(exit_code_of([&] { parse_snapshot(bytes, "s.h5"); }) == 0);
}

TEST_CASE("other files, newer schemas and missing files are told apart") {
  TemporaryDirectory dir;
  std::string m;
  write_bytes(dir / "plain.h5", to_image(sample()));
  CHECK(exit_code_of([&] { load_snapshot(dir / "plain.h5"); }, &m) == 65);
  CHECK(m.find("is not a snapshot (it does not begin with MLSNAP); name a run directory or one of its "
               "snapshot-*.h5 files") != std::string::npos);
  CHECK(exit_code_of([&] { load_snapshot(dir / "none.h5"); }, &m) == 66);

  save_snapshot(dir / "s.h5", sample());
  python(dir, "import struct, zlib\nname = '" + dir / "s.h5" + R"('
b = bytearray(open(name, 'rb').read())
b[8:12] = struct.pack('<I', 3)
b[508:512] = struct.pack('<I', zlib.crc32(b[:508]))
open(name, 'wb').write(b)
)");
  CHECK(exit_code_of([&] { load_snapshot(dir / "s.h5"); }, &m) == 65);
  CHECK(m.find("has schema version 3 (this program reads up to 2)") != std::string::npos);
}

TEST_CASE("a valid checksum does not make a compressed or linked body acceptable") {
  TemporaryDirectory dir;
  python(dir, "import struct, zlib\nname = '" + dir / "s.h5" + R"('
f = h5py.File(name, 'w', userblock_size=512, libver='latest')
f.create_dataset('theta/w', data=np.zeros(1000), compression='gzip')
f.close()
b = bytearray(open(name, 'rb').read())
b[:28] = struct.pack('<8sIIQI', b'MLSNAP\r\n', 1, 512, len(b) - 512, zlib.crc32(b[512:]))
b[508:512] = struct.pack('<I', zlib.crc32(b[:508]))
open(name, 'wb').write(b)
)");
  std::string m;
  CHECK(exit_code_of([&] { load_snapshot(dir / "s.h5"); }, &m) == 65);
  CHECK(m.find("/theta/w uses filter number 1, ") != std::string::npos);
}

TEST_CASE("a state that is not finite is not saved, and the old file stays") {
  TemporaryDirectory dir;
  save_snapshot(dir / "s.h5", sample(1));
  for (float bad : {NAN, INFINITY})
    CHECK_THROWS_AS(save_snapshot(dir / "s.h5", sample(bad)), std::invalid_argument);
  CHECK(load_snapshot(dir / "s.h5").numbers<float>("theta/conv0/w")[0] == 1);
}
