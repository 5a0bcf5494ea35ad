#include "tools/cli/say.hpp"

#include <fcntl.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

namespace tools {
namespace {

std::atomic<int> g_unwritten = 0;

void remember(int error) noexcept {
  int none = 0;
  g_unwritten.compare_exchange_strong(none, error == 0 ? EIO : error);
}

}  // namespace

void open_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0 && errno == EBADF)  // open() takes the smallest free number: this one
      static_cast<void>(::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY));
}

void put(std::FILE* file, std::string_view text) noexcept {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), file) == text.size()) return;
  if (file == stdout) remember(errno);
}

int flush_words() noexcept {
  errno = 0;
  if (std::fflush(stdout) != 0) remember(errno);
  return g_unwritten;
}

void forgive_unwritten() noexcept {
  if (std::fflush(stdout) != 0) __fpurge(stdout);
  g_unwritten = 0;
}

}  // namespace tools
