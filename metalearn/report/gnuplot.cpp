#include "metalearn/report/gnuplot.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <span>
#include <stdexcept>
#include <thread>

#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"

extern char** environ;

namespace metalearn::report {
namespace {

checkpoints::IoError failed(const char* what, int error) {
  return checkpoints::IoError(
      fmt::format("gnuplot: {}: {}; free some memory and try again", what, std::strerror(error)));
}

/// A file in memory without a name: unlike with a pipe, neither side waits for the other.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : file_(memfd_create(name, MFD_CLOEXEC)) {
    if (file_ < 0) throw failed("cannot create a memory file", errno);
  }
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int id() const { return file_; }
  void fill(const std::string& text) {
    if (!checkpoints::write_all(checkpoints::posix_file_system(), file_, std::as_bytes(std::span(text))) ||
        lseek(file_, 0, SEEK_SET) < 0)
      throw failed("cannot write its script", errno);
  }
  std::string text() const {
    const off_t bytes = lseek(file_, 0, SEEK_END);
    std::string text(static_cast<std::size_t>(bytes < 0 ? 0 : bytes), '\0');
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = pread(file_, text.data() + done, text.size() - done, static_cast<off_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw failed("cannot read its output", errno);
      done += static_cast<std::size_t>(n);
    }
    return text;
  }

 private:
  int file_;
};

/// Owns the file actions of the child process.
struct Actions {
  Actions() { posix_spawn_file_actions_init(&actions); }
  ~Actions() { posix_spawn_file_actions_destroy(&actions); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  posix_spawn_file_actions_t actions;
};

/// The exit status of the process; none if it was killed.
std::optional<int> wait_for(pid_t process, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  bool killed = false;
  for (int status = 0;;) {
    const pid_t ended = waitpid(process, &status, killed ? 0 : WNOHANG);
    if (ended == process) return killed ? std::nullopt : std::optional(status);
    if (ended < 0 && errno != EINTR) throw failed("cannot wait for it", errno);
    if (ended == 0 && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    else if (ended == 0)
      killed = kill(process, SIGKILL) == 0;
  }
}

}  // namespace

std::optional<Drawing> run_gnuplot(const std::string& script, std::chrono::milliseconds limit) {
  MemoryFile in("script"), out("drawing"), err("complaints");
  in.fill(script);
  Actions child;
  posix_spawn_file_actions_adddup2(&child.actions, in.id(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&child.actions, out.id(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&child.actions, err.id(), STDERR_FILENO);
  std::string name = "gnuplot", default_settings = "-d";  // ignores the user's settings
  char* words[] = {name.data(), default_settings.data(), nullptr};
  pid_t process = 0;
  if (const int error = posix_spawnp(&process, "gnuplot", &child.actions, nullptr, words, environ)) {
    if (error == ENOENT || error == EACCES || error == ENOTDIR) return std::nullopt;
    throw failed("cannot start it", error);
  }
  const auto status = wait_for(process, limit);
  if (status && WIFEXITED(*status) && WEXITSTATUS(*status) == 127)
    return std::nullopt;  // some systems report a missing program so
  return Drawing{out.text(), err.text(), status && WIFEXITED(*status) && WEXITSTATUS(*status) == 0, !status};
}

}  // namespace metalearn::report
