#include "checkpoints/image.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "fixture.hpp"

using namespace checkpoints;
using namespace checkpoints::test;

namespace {

/// All types, a scalar, empty arrays, arrays in the header and in one or more chunks, attributes of all kinds
/// on root, groups and arrays.
Archive sample() {
  Archive a("sample");
  a.put<float>("f/scalar", {}, {-0.0f});
  a.put<float>("f/special", {2, 3},
               {std::numeric_limits<float>::denorm_min(), -INFINITY, std::nanf("7"), 1e38f, -0.0f, 0.1f});
  a.put<double>("d", {4}, {0.1, -1e-310, std::numeric_limits<double>::max(), std::nan("5")});
  a.put<std::int32_t>("i/32", {2}, {INT32_MIN, INT32_MAX});
  a.put<std::int64_t>("i/64", {2, 1}, {INT64_MIN, INT64_MAX});
  a.put<std::uint64_t>("i/u64", {1}, {UINT64_MAX});
  a.put<double>("empty/none", {0}, {});
  a.put<float>("empty/rows", {0, 5}, {});
  a.put<std::uint64_t>("empty/columns", {5, 0}, {});
  std::vector<float> large(3 * 70 * 11);
  std::iota(large.begin(), large.end(), 0.5f);
  a.put("one/chunk", {3, 70, 11}, std::move(large));
  std::vector<std::int64_t> huge((std::size_t{1} << 21) * 5 / 2);
  std::iota(huge.begin(), huge.end(), std::int64_t{-7});
  a.put("several/chunks", {static_cast<std::int64_t>(huge.size() / 5), 5}, huge);
  for (int i = 0; i < 30; ++i) a.put<std::int32_t>(fmt::format("many/{}", i), {1}, {i});
  a.set("", "format", std::string("Grüße"));
  a.set("config", "seed", std::int64_t{-3});
  a.set("config", "rate", 0.1);
  a.set("config", "empty", std::string());
  a.set("config", "long", std::string(60000, 'x'));
  a.set("config", "widths", std::vector<std::int64_t>{196, 32});
  a.set("config", "none", std::vector<std::int64_t>{});
  a.set("d", "weights", std::vector<double>{0.5, -0.0});
  return a;
}

void check_same_bits(const Archive& a, const Archive& b) {
  REQUIRE(a.arrays().size() == b.arrays().size());
  for (const auto& [path, array] : a.arrays()) {
    CAPTURE(path);
    const Array& other = b.array(path);
    CHECK(array.shape == other.shape);
    REQUIRE(array.data.index() == other.data.index());
    std::visit(
        [&](const auto& data) {
          const auto& found = std::get<std::decay_t<decltype(data)>>(other.data);
          REQUIRE(data.size() == found.size());
          CHECK((data.empty() || std::memcmp(data.data(), found.data(), data.size() * sizeof(data[0])) == 0));
        },
        array.data);
  }
  CHECK(a.attributes() == b.attributes());
}

}  // namespace

TEST_CASE("an image gives back every array and attribute, bit for bit") {
  const Archive a = sample();
  for (std::size_t user_block : {0, 512})
    check_same_bits(a, from_image(to_image(a, user_block), "sample", Accept::plain));
}

TEST_CASE("an empty archive is a file too") { CHECK(from_image(to_image(Archive()), "x").arrays().empty()); }

TEST_CASE("equal archives make equal bytes") { CHECK(to_image(sample()) == to_image(sample())); }

TEST_CASE("h5py reads an image: names, types, shapes, numbers, text") {
  TemporaryDirectory dir;
  write_bytes(dir / "a.h5", to_image(sample(), 512));
  CHECK(python(dir, "f = h5py.File('" + dir / "a.h5" + R"(')
print(f.userblock_size, f['f/special'].dtype, f['f/special'].shape, f['i/u64'][0], f['one/chunk'][2, 69, 10],
      f['several/chunks'][-1, -1], f['empty/rows'].shape)
c = f['config'].attrs
print(f.attrs['format'].decode(), c['rate'], c['widths'], len(c['long']), f['one/chunk'].fletcher32)
)") == "512 float32 (2, 3) 18446744073709551615 2309.5 5242872 (0, 5)\nGrüße 0.1 [196  32] 60000 True\n");
}

TEST_CASE("files of h5py are read: compressed, big-endian, narrow types, text of variable length") {
  TemporaryDirectory dir;
  python(dir, "f = h5py.File('" + dir / "a.h5" + R"(', 'w')
f.attrs['config_json'] = '{"H": 5}'
c = f.create_group('config')
c.attrs['batch'] = 12
c.attrs['rate'] = 0.25
c.attrs['hidden'] = [8, 8]
c.attrs['fixed'] = np.bytes_('relu')
c.attrs['none'] = ''
f.create_dataset('x/gz', data=np.arange(5000.).reshape(50, 100), compression='gzip', shuffle=True)
f.create_dataset('x/extendible', data=np.arange(10, dtype='i4'), maxshape=(None,), chunks=(4,))
f.create_dataset('x/big', data=np.array([1.5, -2], dtype='>f8'))
f.create_dataset('x/half', data=np.array([0.5], dtype='f2'))
f.create_dataset('x/bytes', data=np.array([[200, 3]], dtype='u1'))
f.create_dataset('x/texts', data=np.array(['ab', 'c'], 'S3'))
f.create_dataset('x/u32', data=np.uint32(4000000000))
)");
  const Archive a = read_archive(dir / "a.h5");
  CHECK(a.attribute<std::string>("", "config_json") == "{\"H\": 5}");
  CHECK(a.attribute<std::int64_t>("config", "batch") == 12);
  CHECK(a.attribute<double>("config", "rate") == 0.25);
  CHECK(a.attribute<std::vector<std::int64_t>>("config", "hidden") == std::vector<std::int64_t>{8, 8});
  CHECK(a.texts("config") == std::map<std::string, std::string>{{"fixed", "relu"}, {"none", ""}});
  CHECK(a.numbers<double>("x/gz", {50, 100})[4999] == 4999);
  CHECK(a.numbers<std::int32_t>("x/extendible", {10})[9] == 9);
  CHECK(a.numbers<double>("x/big") == std::vector<double>{1.5, -2});
  CHECK(a.numbers<float>("x/half") == std::vector<float>{0.5f});
  CHECK(a.numbers<std::int32_t>("x/bytes", {1, 2}) == std::vector<std::int32_t>{200, 3});
  CHECK(a.numbers<std::int64_t>("x/u32", {})[0] == 4000000000);
  CHECK(a.numbers<std::int32_t>("x/texts", {2, 3}) == std::vector<std::int32_t>{'a', 'b', 0, 'c', 0, 0});
  CHECK(exit_code_of([&] { from_image(bytes_of(dir / "a.h5"), "a", Accept::plain); }) == 65);
}

TEST_CASE("the golden files are read: configuration and all arrays") {
  int files = 0;
  for (const auto& name : names_in(METALEARN_GOLDEN)) {
    if (!name.ends_with(".h5")) continue;
    CAPTURE(name);
    const Archive a = read_archive(std::string(METALEARN_GOLDEN) + "/" + name);
    const auto steps = a.attribute<std::int64_t>("config", "steps"),
               batch = a.attribute<std::int64_t>("config", "batch"),
               inputs = a.attribute<std::int64_t>("config", "input_size");
    CHECK(a.numbers<double>("inner_x", {steps, batch, inputs}).size() > 0);
    CHECK(a.numbers<double>("objective_sum", {})[0] > 0);
    CHECK(a.attribute<std::vector<std::int64_t>>("config", "hidden_sizes").size() > 0);
    CHECK(a.attribute<std::string>("", "config_json").front() == '{');
    ++files;
  }
  CHECK(files > 0);
}

TEST_CASE("what is not a whole HDF5 file is bad data that names the file") {
  TemporaryDirectory dir;
  const auto image = to_image(sample());
  std::string m;
  write_bytes(dir / "empty", {});
  CHECK(exit_code_of([&] { read_archive(dir / "empty"); }, &m) == 65);
  CHECK(m == dir / "empty" + ": is empty, not an HDF5 file");
  const std::string text = "just some text, long enough to be looked at as a file of its own";
  write_bytes(dir / "text", std::as_bytes(std::span(text)));
  CHECK(exit_code_of([&] { read_archive(dir / "text"); }, &m) == 65);
  CHECK(m.find(dir / "text" + ": damaged, or not an HDF5 file") == 0);
  for (std::size_t length = 1; length < image.size(); length += 1 + image.size() / 97) {
    CAPTURE(length);
    CHECK(exit_code_of([&] { from_image(std::span(image).first(length), "cut"); }) == 65);
  }
  CHECK(exit_code_of([&] { read_archive(dir / "none"); }) == 66);
}

TEST_CASE("a number changed inside a chunk is noticed by HDF5's own checksum") {
  Archive a;
  a.put("x", {5000}, std::vector<float>(5000, 1.25f));
  auto image = to_image(a);
  const float wanted = 1.25f;
  std::size_t at = 0;
  for (std::size_t i = 0; i + 400 < image.size() && at == 0; ++i)
    if (std::memcmp(&image[i], &wanted, 4) == 0 && std::memcmp(&image[i + 396], &wanted, 4) == 0) at = i;
  REQUIRE(at > 0);
  image[at] ^= std::byte{1};
  std::string m;
  CHECK(exit_code_of([&] { from_image(image, "flipped"); }, &m) == 65);
  CHECK(m.find("flipped: damaged") == 0);
}

TEST_CASE("structures that reach outside the file, repeat or swell are refused") {
  TemporaryDirectory dir;
  const std::string secret(1024, 's');
  write_bytes(dir / "secret", std::as_bytes(std::span(secret)));
  python(dir, "import os\nos.chdir('" + dir.path() + R"(')
def case(name):
    f = h5py.File(name + '.h5', 'w')
    f['good'] = np.arange(3.)
    return f
case('whole')
case('soft link')['x'] = h5py.SoftLink('/good')
case('dangling soft link')['x'] = h5py.SoftLink('/nowhere')
case('external link')['x'] = h5py.ExternalLink('whole.h5', '/good')
f = case('second hard link'); f['x'] = f['good']
f = case('cycle'); f.create_group('g'); f['g/back'] = f['g']
case('external storage').create_dataset('x', (128,), 'f8', external=[('secret', 0, 1024)])
layout = h5py.VirtualLayout((3,), 'f8'); layout[:] = h5py.VirtualSource('whole.h5', 'good', (3,))
case('virtual array').create_virtual_dataset('x', layout)
case('plugin filter').create_dataset('x', data=np.arange(1000.), compression='lzf')
case('scale-offset filter').create_dataset('x', data=np.arange(1000), scaleoffset=0)
case('huge, never written').create_dataset('x', (1 << 50,), 'f8')
case('huge chunks').create_dataset('x', (4,), 'f8', chunks=(1 << 28,), maxshape=(None,))
case('swelling')['x'] = np.zeros(0)
swelling = h5py.File('swelling.h5', 'a')
swelling.create_dataset('y', (1 << 33,), 'f8', chunks=(1 << 20,), compression='gzip')[0] = 1
del swelling
case('compound')['x'] = np.zeros(2, [('a', 'i4'), ('b', 'f4')])
f = case('references'); f.create_dataset('x', data=f['good'].ref, dtype=h5py.ref_dtype)
case('text array')['x'] = 'text'
case('named type')['x'] = np.dtype('f8')
case('null shape')['x'] = h5py.Empty('f8')
case('long double')['x'] = np.zeros(2, np.longdouble)
case('many dimensions').create_dataset('x', data=np.zeros((1,) * 9))
case('compound attribute').attrs['x'] = np.zeros(2, [('a', 'i4')])
case('table attribute').attrs['x'] = np.zeros((2, 2))
f = case('deep'); f.create_group('/'.join('g' * 40))
)");
  CHECK(read_archive(dir / "whole.h5").numbers<double>("good").size() == 3);
  int cases = 0;
  for (const auto& name : names_in(dir.path())) {
    if (!name.ends_with(".h5") || name == "whole.h5") continue;
    CAPTURE(name);
    std::string m;
    CHECK(exit_code_of([&] { read_archive(dir / name); }, &m) == 65);
    CAPTURE(m);
    CHECK(m.find(dir / name) == 0);
    CHECK(m.find('\n') == std::string::npos);
    ++cases;
  }
  CHECK(cases == 22);
}
