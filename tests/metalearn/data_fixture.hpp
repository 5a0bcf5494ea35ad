// Small data files made by the tests themselves, in a folder that goes away with the test.
#pragma once
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/contains.hpp"
#include "tests/support/exit_code.hpp"
#include "tests/support/folder.hpp"

namespace fixture {

using Bytes = std::vector<std::uint8_t>;
using support::contains;

struct TempFolder : support::Folder {
  std::string string() const { return path.string(); }
};

inline void write(const std::filesystem::path& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

inline void write_gz(const std::filesystem::path& path, const Bytes& bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

inline void put(Bytes& bytes, std::uint32_t word) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(word >> shift));
}

/// Image i of rows x columns has pixels (7 i + 13 p) mod 256.
inline Bytes idx_images(int count, int rows = 4, int columns = 4, std::uint32_t magic = 0x803) {
  Bytes bytes;
  for (std::uint32_t word : {magic, static_cast<std::uint32_t>(count), static_cast<std::uint32_t>(rows),
                             static_cast<std::uint32_t>(columns)})
    put(bytes, word);
  for (int i = 0; i < count; ++i)
    for (int p = 0; p < rows * columns; ++p) bytes.push_back(static_cast<std::uint8_t>(7 * i + 13 * p));
  return bytes;
}

/// Label i is first + i mod classes.
inline Bytes idx_labels(int count, int classes, int first = 0, std::uint32_t magic = 0x801) {
  Bytes bytes;
  put(bytes, magic);
  put(bytes, static_cast<std::uint32_t>(count));
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(first + i % classes));
  return bytes;
}

/// support::exit_code_of, without an old message.
template <class F>
int exit_code(F f, std::string& message) {
  message.clear();
  return support::exit_code_of(f, &message);
}

}  // namespace fixture
