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

}  // namespace

void watch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int stop_signal() { return g_signal; }

}  // namespace tools
