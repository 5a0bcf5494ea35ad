#include "metalearn/data/file_bytes.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <new>

#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"

namespace metalearn {

namespace fs = std::filesystem;

std::string FileBytes::checksum() const {
  return fmt::format("{} crc32 {:08x}", name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name,
                     crc32_z(0, bytes.data(), bytes.size()));
}

namespace {

int open_file(const fs::path& path) {
  try {
    return checkpoints::open_to_read(checkpoints::posix_file_system(), path.string());
  } catch (const checkpoints::NoSuchFile&) {
    throw checkpoints::NoInput(fmt::format("{}: no such file; check the path", path.string()));
  }
}

}  // namespace

FileBytes read_file(const fs::path& path) {
  FileBytes file;
  file.name = path.filename().string();
  gzFile stream = gzdopen(open_file(path), "rb");  // reads plain files as they are
  if (!stream) throw std::bad_alloc();
  constexpr unsigned kChunk =
      1u << 16;  // bytes; larger ones read large files no faster, and small files slower
  gzbuffer(stream, kChunk);
  int got = 0;
  do {
    const std::size_t before = file.bytes.size();
    file.bytes.resize(before + kChunk);
    got = gzread(stream, file.bytes.data() + before, kChunk);
    file.bytes.resize(before + static_cast<std::size_t>(got > 0 ? got : 0));
  } while (got > 0);
  int code = Z_OK;
  const std::string message = gzerror(stream, &code);
  gzclose(stream);
  file.ends_early = code == Z_BUF_ERROR;
  if (got < 0 && !file.ends_early)
    throw checkpoints::BadData(fmt::format("{}: damaged ({}); download it again", file.name,
                                           message.empty() ? "it cannot be read" : message));
  return file;
}

fs::path find_file(const fs::path& folder, const std::vector<std::string>& names) {
  std::error_code ignored;
  for (const std::string& name : names)
    for (const char* packed : {"", ".gz"})
      if (fs::is_regular_file(folder / (name + packed), ignored)) return folder / (name + packed);
  return {};
}

void require_folder(const fs::path& folder, const std::string& data) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored))
    throw checkpoints::NoInput(
        fmt::format("{}: no such folder for data '{}'; check the path", folder.string(), data));
  if (!fs::is_directory(folder, ignored))
    throw checkpoints::NoInput(fmt::format("{}: not a folder; give data '{}' the folder that holds its files",
                                           folder.string(), data));
}

}  // namespace metalearn
