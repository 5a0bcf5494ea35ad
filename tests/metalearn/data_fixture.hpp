// Small data files made by the tests themselves, in a folder that goes away with the test.
#pragma once
#include <unistd.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "checkpoints/error.hpp"

namespace fixture {

using Bytes = std::vector<std::uint8_t>;

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "metalearn_test_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  std::string string() const { return path_.string(); }

 private:
  std::filesystem::path path_;
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

/// Runs f and gives the exit code of the error it throws, 0 if none; the message goes to `message`.
template <class F>
int exit_code(F&& f, std::string& message) {
  message.clear();
  try {
    f();
  } catch (const checkpoints::Error& e) {
    message = e.what();
    return e.exit_code;
  }
  return 0;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace fixture
