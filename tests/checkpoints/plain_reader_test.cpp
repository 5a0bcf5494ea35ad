// The reader of snapshots against libhdf5, which reads the same bytes by other code.
#include "checkpoints/plain_reader.hpp"

#include <cstring>
#include <random>
#include <stdexcept>

#include "checkpoints/image.hpp"
#include "fixture.hpp"

using namespace checkpoints;
using namespace checkpoints::test;

namespace {

void check_same(const Archive& a, const Archive& b) {
  REQUIRE(a.arrays().size() == b.arrays().size());
  for (const auto& [path, array] : a.arrays()) {
    const Array& other = b.array(path);
    if (array.shape != other.shape || array.data != other.data) FAIL(path);
  }
  CHECK(a.attributes() == b.attributes());
}

/// Read by both.
void check_agreement(const Archive& archive) {
  for (std::size_t user_block : {0, 512}) {
    const auto image = to_image(archive, user_block);
    const Archive plain = from_image(image, "plain", Accept::plain);
    check_same(plain, from_image(image, "libhdf5", Accept::compressed));
    check_same(plain, archive);
  }
}

}  // namespace

TEST_CASE("groups and attributes of every size are read as libhdf5 reads them") {
  for (int count : {0, 1, 8, 9, 45, 46, 300, 2500}) {
    CAPTURE(count);
    Archive a;
    a.set("", "count", std::int64_t{count});
    for (int i = 0; i < count; ++i) {
      a.put<std::int32_t>("group/array with a name of some length " + std::to_string(i), {1}, {i});
      a.set("texts", "key" + std::to_string(i), std::string(static_cast<std::size_t>(i % 700), 'x'));
    }
    check_agreement(a);
  }
}

TEST_CASE("attributes of every size are read as libhdf5 reads them") {
  Archive a;
  for (std::size_t bytes : {0, 1, 4000, 4095, 4096, 4097, 60000})
    a.set("g", "text" + std::to_string(bytes), std::string(bytes, 'y'));
  for (std::size_t n : {0, 1, 500, 7500})
    a.set("g", "numbers" + std::to_string(n), std::vector<double>(n, 0.25));
  check_agreement(a);
  a.set("g", "longer", std::string(kMaxAttributeBytes + 1, 'y'));
  CHECK_THROWS_AS(to_image(a), std::invalid_argument);
}

TEST_CASE(
    "arrays of every rank and type, in the header, in one chunk and in several, are read as libhdf5 reads "
    "them") {
  Archive a;
  std::mt19937_64 random(1);
  for (std::size_t rank = 0; rank <= 8; ++rank)
    for (std::int64_t side : {1, 2, 3}) {
      const std::vector<std::int64_t> shape(rank, side);
      std::size_t count = 1;
      for (auto n : shape) count *= static_cast<std::size_t>(n);
      std::vector<double> numbers(count);
      for (auto& x : numbers) x = static_cast<double>(random());
      a.put("a/" + std::to_string(rank) + "-" + std::to_string(side), shape, numbers);
    }
  std::vector<float> large(5 * 3000 * 700);  // 42 MB: chunks cut along the second axis
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<float>(i % 1000003);
  a.put("large", {5, 3000, 700}, std::move(large));
  check_agreement(a);
}

TEST_CASE("chunks that overhang the array's edges are put where libhdf5 puts them") {
  TemporaryDirectory dir;
  python(dir, "f = h5py.File('" + dir / "a.h5" + R"(', 'w', libver='latest')
random = np.random.default_rng(1)
for i in range(60):
    shape = tuple(int(n) for n in random.integers(1, 9, random.integers(1, 5)))
    chunks = tuple(int(random.integers(1, n + 1)) for n in shape)
    numbers = random.standard_normal(shape).astype('f4' if i % 2 else 'f8')
    f.create_dataset(str(i), data=numbers, chunks=chunks, fletcher32=True)
)");
  const auto image = bytes_of(dir / "a.h5");
  check_same(from_image(image, "plain", Accept::plain), from_image(image, "libhdf5", Accept::compressed));
}

TEST_CASE(
    "links and attributes that libhdf5 keeps in heaps, as in snapshots of schema 1, are read as it reads "
    "them") {
  TemporaryDirectory dir;
  python(dir, "import os\nos.chdir('" + dir.path() + R"(')
from h5py import h5d, h5p, h5s, h5t
compact = h5p.create(h5p.DATASET_CREATE)
compact.set_layout(h5d.COMPACT)
for count in (8, 9, 45, 46, 300, 2500):
    f = h5py.File(f'{count}.h5', 'w', libver='latest')
    group, texts = f.create_group('group'), f.create_group('texts')
    for i in range(count):
        name = b'array with a name of some length %d' % i
        h5d.create(group.id, name, h5t.STD_I32LE, h5s.create(h5s.SCALAR), compact)
        texts.attrs.create(f'key{i}', b'x' * (i % 700), dtype=h5py.string_dtype('utf-8', max(1, i % 700)))
    for size in (4000, 4095, 4096, 4097, 60000, 66000, 1000000):
        texts.attrs.create(f'long{size}', b'y' * size, dtype=h5py.string_dtype('utf-8', size))
)");
  for (int count : {8, 9, 45, 46, 300, 2500}) {
    CAPTURE(count);
    const auto image = bytes_of(dir / (std::to_string(count) + ".h5"));
    check_same(from_image(image, "plain", Accept::plain), from_image(image, "libhdf5", Accept::compressed));
  }
}

TEST_CASE("golden snapshots are read as libhdf5 reads them") {
  const std::string folder = std::string(METALEARN_SOURCE) + "/tests/snapshots";
  for (const auto& name : names_in(folder)) {
    if (!name.ends_with(".h5")) continue;
    CAPTURE(name);
    const auto image = bytes_of(folder + "/" + name);
    check_same(from_image(image, "plain", Accept::plain), from_image(image, "libhdf5", Accept::compressed));
  }
}

TEST_CASE("what only foreign files hold is refused by the reader of snapshots and read by the other") {
  TemporaryDirectory dir;
  python(dir, "f = h5py.File('" + dir / "a.h5" + R"(', 'w', libver='latest')
f['x'] = np.arange(3.)
)");
  std::string m;
  CHECK(exit_code_of([&] { from_image(bytes_of(dir / "a.h5"), "a.h5", Accept::plain); }, &m) == 65);
  CHECK(m == "a.h5: /x is stored neither in its header nor in chunks; such files are not supported");
  CHECK(read_archive(dir / "a.h5").numbers<double>("x").size() == 3);
}
