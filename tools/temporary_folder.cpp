#include "tools/temporary_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "checkpoints/error.hpp"

namespace tools {
namespace {

namespace fs = std::filesystem;

/// The second process: does nothing until nobody holds the other end of the pipe.
[[noreturn]] void remove_after(int end_of_owner, const std::string& path) {
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) std::signal(signal, SIG_IGN);  // the owner's to heed
  for (int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(standard);  // whoever reads the owner's output need not wait for this
  char nothing;
  while (::read(end_of_owner, &nothing, 1) < 0 && errno == EINTR) {
  }
  std::error_code ignored;
  fs::remove_all(path, ignored);
  _exit(0);
}

}  // namespace

TemporaryFolder::TemporaryFolder(const std::string& purpose) {
  std::error_code failed;
  path_ = (fs::temp_directory_path(failed) / ("metalearn-" + purpose + "-XXXXXX")).string();
  if (failed) throw checkpoints::IoError(fmt::format("no folder for temporary files ({}); set TMPDIR to one", failed.message()));
  int ends[2];
  if (!::mkdtemp(path_.data())) throw checkpoints::IoError(fmt::format("{}: can't be made: {}; set TMPDIR to a folder that can be written", path_, std::strerror(errno)));
  if (::pipe2(ends, O_CLOEXEC) == 0) {
    remover_ = ::fork();
    if (remover_ == 0) {
      ::close(ends[1]);
      remove_after(ends[0], path_);
    }
    ::close(ends[0]);
    alive_ = ends[1];
  }
  if (remover_ > 0) return;
  const int error = errno;
  if (alive_ >= 0) ::close(alive_);
  fs::remove_all(path_, failed);
  throw checkpoints::IoError(fmt::format("{}: no process to remove it: {}; try again later", path_, std::strerror(error)));
}

TemporaryFolder::~TemporaryFolder() {
  ::close(alive_);
  while (::waitpid(remover_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace tools
