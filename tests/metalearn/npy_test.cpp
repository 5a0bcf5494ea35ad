#include "metalearn/data/formats/npy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "data_fixture.hpp"

using namespace metalearn;
using namespace fixture;

namespace {

/// An NPY file with this header and these bytes of numbers.
Bytes npy(std::string header, const Bytes& numbers, int version = 1) {
  header += '\n';
  Bytes file = {0x93, 'N', 'U', 'M', 'P', 'Y', static_cast<std::uint8_t>(version), 0};
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i)
    file.push_back(static_cast<std::uint8_t>(header.size() >> 8 * i));
  file.insert(file.end(), header.begin(), header.end());
  file.insert(file.end(), numbers.begin(), numbers.end());
  return file;
}

template <class T>
Bytes bytes_of(std::vector<T> numbers) {
  Bytes bytes(numbers.size() * sizeof(T));
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

std::string header(const std::string& type, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") +
         ", 'shape': " + shape + ", }";
}

std::vector<float> floats(const Bytes& file) { return NpyArray(file, "x.npy").floats(); }

}  // namespace

TEST_CASE("integers and floats of every width and byte order are read") {
  CHECK(floats(npy(header("<f4", "(3,)"), bytes_of<float>({1.5f, -2, 0}))) ==
        std::vector<float>{1.5f, -2, 0});
  CHECK(floats(npy(header("<f8", "(2,)"), bytes_of<double>({0.1, 1e30}))) == std::vector<float>{0.1f, 1e30f});
  CHECK(floats(npy(header(">f4", "(1,)"), {0x3f, 0xc0, 0, 0})) == std::vector<float>{1.5f});
  CHECK(floats(npy(header("|i1", "(2,)"), {0xff, 5})) == std::vector<float>{-1, 5});
  CHECK(floats(npy(header(">i2", "(2,)"), {0xff, 0xfe, 1, 0})) == std::vector<float>{-2, 256});
  CHECK(floats(npy(header("|u1", "(1,)"), {255}, 2)) == std::vector<float>{255});
  CHECK(floats(npy(header("|b1", "(2,)"), {0, 1}, 3)) == std::vector<float>{0, 1});
  const auto whole = npy(header("<i8", "(2,)"), bytes_of<std::int64_t>({-9000000000000000000, 7}));
  CHECK(NpyArray(whole, "x").integers() == std::vector<std::int64_t>{-9000000000000000000, 7});
  const auto scalar = npy(header("<f8", "()"), bytes_of<double>({2.5}));
  CHECK(NpyArray(scalar, "x").shape().empty());
  CHECK(NpyArray(scalar, "x").floats() == std::vector<float>{2.5f});
  CHECK(floats(npy("{\"shape\": (1, 2), \"fortran_order\": False, \"descr\": \"<f4\"}",
                   bytes_of<float>({1, 2}))) == std::vector<float>{1, 2});
  CHECK(floats(npy(header("<f4", "(0, 3)"), {})).empty());
}

TEST_CASE("Fortran order is turned into C order") {
  CHECK(floats(npy(header("<f4", "(2, 3)", true), bytes_of<float>({11, 21, 12, 22, 13, 23}))) ==
        std::vector<float>{11, 12, 13, 21, 22, 23});
  std::vector<float> in(24), expected(24);
  for (int a = 0; a < 2; ++a)
    for (int b = 0; b < 3; ++b)
      for (int c = 0; c < 4; ++c) {
        in[static_cast<std::size_t>(a + 2 * b + 6 * c)] = static_cast<float>(100 * a + 10 * b + c);
        expected[static_cast<std::size_t>(12 * a + 4 * b + c)] = static_cast<float>(100 * a + 10 * b + c);
      }
  CHECK(floats(npy(header("<f4", "(2, 3, 4)", true), bytes_of(in))) == expected);
}

TEST_CASE("what is written is read again, and is 64-byte aligned as NumPy wants it") {
  const std::vector<float> numbers = {1, 2, 3, 4, 5, 6};
  const Bytes file = npy_bytes(numbers, {3, 2});
  const NpyArray read(file, "x");
  CHECK(read.shape() == std::vector<std::int64_t>{3, 2});
  CHECK(read.floats() == numbers);
  CHECK((file.size() - 24) % 64 == 0);
  CHECK(NpyArray(npy_bytes(numbers, {6}), "x").shape() == std::vector<std::int64_t>{6});
  const Bytes text = npy_bytes(std::string("relu")), whole = npy_bytes(std::int64_t{-3}),
              real = npy_bytes(0.25);
  CHECK(NpyArray(text, "x").text() == "relu");
  CHECK(NpyArray(whole, "x").integers() == std::vector<std::int64_t>{-3});
  CHECK(NpyArray(real, "x").floats() == std::vector<float>{0.25f});
}

TEST_CASE("a wrong NPY file is refused in one line that names it and what is wrong") {
  struct Row {
    const char* claim;
    Bytes file;
    const char* says;
  };
  const Bytes four = bytes_of<float>({1, 2, 3, 4});
  const Bytes good = npy(header("<f4", "(2, 2)"), four);
  Bytes cut(good.begin(), good.end() - 1), longer = good;
  longer.push_back(0);
  const Row rows[] = {
      {"nothing", {}, "not an NPY file"},
      {"another file", {'P', 'K', 3, 4, 0, 0, 0, 0, 0, 0, 0}, "not an NPY file"},
      {"a new version", npy(header("<f4", "(2, 2)"), four, 9), "format version 9"},
      {"a cut header", Bytes(good.begin(), good.begin() + 30), "truncated in its header"},
      {"cut numbers", cut, "truncated: 16 bytes of numbers expected for the shape (2, 2), 15 found"},
      {"too many numbers", longer, "too long"},
      {"objects", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", {}),
       "records or objects"},
      {"python objects", npy(header("|O", "(1,)"), {1}), "type '|O'"},
      {"half floats", npy(header("<f2", "(1,)"), {1, 2}), "type '<f2'"},
      {"texts of code points", npy(header("<U4", "(1,)"), Bytes(16)), "type '<U4'"},
      {"no type", npy(header("", "(1,)"), {1}), "records or objects"},
      {"no shape", npy("{'descr': '<f4', 'fortran_order': False, }", {}), "not an NPY header"},
      {"a negative extent", npy(header("<f4", "(-1,)"), {}), "not an NPY header"},
      {"a huge shape", npy(header("<f4", "(4294967296, 4294967296, 4294967296)"), {}),
       "more numbers than are possible"},
      {"an open shape", npy(header("<f4", "(2, 2"), four), "not an NPY header"},
      {"something behind", npy(header("<f4", "(2, 2)") + " x", four), "not an NPY header"},
      {"infinity", npy(header("<f4", "(2,)"), bytes_of<float>({1, std::numeric_limits<float>::infinity()})),
       "number 1 (from 0, in C order) is inf"},
      {"NaN", npy(header("<f4", "(2,)"), bytes_of<float>({std::numeric_limits<float>::quiet_NaN(), 1})),
       "number 0"},
      {"beyond float32", npy(header("<f8", "(1,)"), bytes_of<double>({1e39})), "1e+39"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.claim);
    std::string message;
    CHECK(exit_code([&] { floats(row.file); }, message) == 65);
    CHECK_MESSAGE(contains(message, "x.npy: "), message);
    CHECK_MESSAGE(contains(message, row.says), message);
    CHECK(std::count(message.begin(), message.end(), '\n') == 0);
  }
  std::string message;
  CHECK(exit_code([&] { NpyArray(good, "x.npy").integers(); }, message) == 65);
  CHECK_MESSAGE(contains(message, "floats (integers expected)"), message);
  CHECK(exit_code([&] { NpyArray(good, "x.npy").text(); }, message) == 65);
  const Bytes large = npy(header("<u8", "(1,)"), Bytes(8, 0xff));
  CHECK(exit_code([&] { NpyArray(large, "x.npy").integers(); }, message) == 65);
}
