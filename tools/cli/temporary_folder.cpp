#include "tools/cli/temporary_folder.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "checkpoints/error.hpp"

namespace tools {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder(const std::string& purpose) {
  std::error_code failed;
  path_ = (fs::temp_directory_path(failed) / ("metalearn-" + purpose + "-XXXXXX")).string();
  if (failed)
    throw checkpoints::IoError(
        fmt::format("no folder for temporary files: {}; set TMPDIR to a folder", failed.message()));
  if (!::mkdtemp(path_.data()))
    throw checkpoints::IoError(fmt::format("{}: cannot be created: {}; set TMPDIR to a writable folder",
                                           path_, std::strerror(errno)));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace tools
