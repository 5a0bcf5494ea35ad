#include "metalearn/data/formats/npz.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "data_fixture.hpp"
#include "metalearn/data/formats/npy.hpp"

using namespace metalearn;
using namespace fixture;

namespace {

NpzFiles some() { return {{"a", npy_bytes(std::vector<float>{1, 2, 3}, {3})}, {"group/b", npy_bytes(0.5)}}; }

std::span<const std::byte> as_bytes(const Bytes& bytes) { return std::as_bytes(std::span(bytes)); }

/// What Python's zipfile makes by running this on the open archive z.
Bytes zip_of(const TempFolder& folder, const std::string& script) {
  const std::string path = (folder / "x.npz").string();
  std::ofstream(folder / "make.py")
      << "import zipfile, warnings\nwarnings.simplefilter('ignore')\nwith zipfile.ZipFile('" << path
      << "', 'w') as z:\n  " << script << "\n";
  REQUIRE(std::system(("/usr/bin/python3 '" + (folder / "make.py").string() + "'").c_str()) == 0);
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int code_of(const Bytes& bytes, std::string& message) {
  return exit_code([&] { parse_npz(as_bytes(bytes), "x.npz"); }, message);
}

}  // namespace

TEST_CASE("an archive gives back its files, and equal files make equal bytes") {
  const auto bytes = npz_bytes(some());
  CHECK(parse_npz(bytes, "x") == some());
  CHECK(npz_bytes(some()) == bytes);
  CHECK_THROWS_AS(npz_bytes({}), std::invalid_argument);
}

TEST_CASE("entries that are no arrays of their own, or packed as NumPy never does, are refused") {
  struct Row {
    const char* script;
    const char* says;
  };
  const Row rows[] = {
      {"z.writestr('a.npy', b'1'); z.writestr('a.npy', b'2')", "two arrays 'a'"},
      {"z.writestr('readme.txt', b'1')", "entry 0 is not an array"},
      {"z.writestr('a\\n.npy', b'1')", "entry 0 is not an array"},
      {"z.writestr('a.npy', b'1' * 1000, zipfile.ZIP_BZIP2)", "entry 'a.npy' uses a compression"},
      {"z.writestr('a.npy', b'1' * 1000, zipfile.ZIP_LZMA)", "entry 'a.npy' uses a compression"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.script);
    const TempFolder folder;
    std::string message;
    CHECK(code_of(zip_of(folder, row.script), message) == 65);
    CHECK_MESSAGE(contains(message, row.says), message);
    CHECK(std::count(message.begin(), message.end(), '\n') == 0);
  }
}

TEST_CASE("an entry that claims more than deflate can hold takes no memory") {
  const TempFolder folder;
  Bytes bytes = zip_of(folder, "z.writestr('a.npy', b'1' * 1000, zipfile.ZIP_DEFLATED)");
  const Bytes size = {0xe8, 0x03, 0, 0}, forged = {0xff, 0xff, 0xff, 0x7f};
  for (auto at = bytes.begin(); (at = std::search(at, bytes.end(), size.begin(), size.end())) != bytes.end();)
    at = std::copy(forged.begin(), forged.end(), at);
  std::string message;
  CHECK(code_of(bytes, message) == 65);
  CHECK_MESSAGE(contains(message, "claims to unpack to more"), message);
}

TEST_CASE("every cut of an archive, and every changed byte of its arrays, is noticed") {
  const auto good = npz_bytes(some());
  const Bytes whole(reinterpret_cast<const std::uint8_t*>(good.data()),
                    reinterpret_cast<const std::uint8_t*>(good.data()) + good.size());
  std::string message;
  for (std::size_t kept = 0; kept < whole.size(); ++kept)
    CHECK(code_of(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(kept)), message) == 65);
  for (const auto& [name, file] : some()) {
    const auto at = std::search(whole.begin(), whole.end(), file.begin(), file.end()) - whole.begin();
    for (std::size_t i = 0; i < file.size(); ++i) {
      Bytes bad = whole;
      bad[static_cast<std::size_t>(at) + i] ^= 4;
      CHECK(code_of(bad, message) == 65);
    }
  }
}
