#include "tools/cli/signals.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace tools {
namespace {

std::atomic<int> g_signal = 0;
static_assert(std::atomic<int>::is_always_lock_free);  // a signal handler may only touch lock-free atomics

void on_signal(int signal) {
  if (g_signal.exchange(signal) != 0) _exit(128 + signal);
}

/// The end of a terminal sends several: the shell's and the kernel's.
void on_hangup(int signal) {
  int none = 0;
  g_signal.compare_exchange_strong(none, signal);
}

}  // namespace

void watch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);

  struct sigaction before {};
  if (sigaction(SIGHUP, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) return;  // nohup
  action.sa_handler = on_hangup;
  sigaction(SIGHUP, &action, nullptr);
}

int stop_signal() { return g_signal; }

}  // namespace tools
