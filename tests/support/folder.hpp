// An empty folder that exists as long as its object.
#pragma once
#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace support {

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "metalearn-test-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path / name; }

  std::filesystem::path path;
};

/// The same with paths as text, as the libraries take them.
struct TextFolder : Folder {
  std::string operator/(const std::string& name) const { return (path / name).string(); }
};

}  // namespace support
