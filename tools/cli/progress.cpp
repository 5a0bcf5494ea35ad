#include "tools/cli/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string_view>

#include "tools/cli/say.hpp"

namespace tools {
namespace {

constexpr auto kPlainInterval = std::chrono::seconds(10);
constexpr auto kLiveInterval = std::chrono::milliseconds(100);  // between lines with new figures
constexpr auto kTick = std::chrono::seconds(1);                 // between lines with only new times
constexpr double kRateMemory = 0.9;                             // per update

bool can_rewrite_a_line() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) && terminal && std::string_view(terminal) != "dumb";
}

/// Columns of the terminal: a live line that wraps could not be rewritten.
std::size_t columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79u;
}

}  // namespace

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds > 3.6e6) return "?";
  const auto s = static_cast<long long>(std::llround(std::max(0.0, seconds)));
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
}

ProgressLine::ProgressLine() : live_(can_rewrite_a_line()) {
  clock_ = std::jthread([this](std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (!ended_.wait_for(lock, stop, kTick, [&] { return stop.stop_requested(); })) {
      try {
        draw(live_ ? Clock::duration(kTick) : Clock::duration(kPlainInterval));
      } catch (const std::bad_alloc&) {  // dropped, as a line that can't be written
      }
    }
  });
}

ProgressLine::~ProgressLine() {
  clock_.request_stop();
  clock_.join();
  clear();
}

void ProgressLine::clear() {
  if (drawn_) put(stderr, "\r\x1b[K");
  drawn_ = false;
}

void ProgressLine::note(const std::string& line) {
  clear();
  say(stderr, "{}\n", line);
}

void ProgressLine::draw(Clock::duration at_least) {
  const auto now = Clock::now();
  if (!text_ || now - drawn_at_ < at_least) return;
  drawn_at_ = now;
  const std::string line = metalearn::shown(text_(std::chrono::duration<double>(now - told_).count()));
  if (!live_) {
    say(stderr, "{}\n", line);
    return;
  }
  // No colour, so there is nothing for NO_COLOR to turn off.
  put(stderr, fmt::format("\r{}\x1b[K", line.substr(0, columns())));
  drawn_ = true;
}

void ProgressLine::tell(Text text, bool at_once) {
  text_ = std::move(text);
  told_ = Clock::now();
  draw(at_once ? Clock::duration::zero()
       : live_ ? Clock::duration(kLiveInterval)
               : Clock::duration(kPlainInterval));
}

void ProgressLine::status(const std::string& what) {
  const std::scoped_lock lock(mutex_);
  tell([what](double) { return what; }, !text_);
}

void ProgressLine::show(const metalearn::Progress& p) {
  const std::scoped_lock lock(mutex_);
  const double now_rate = p.seconds > 0 ? 1 / p.seconds : 0;
  rate_ = rate_ == 0 ? now_rate : kRateMemory * rate_ + (1 - kRateMemory) * now_rate;
  for (const auto& event : p.events) note(event.text);
  if (p.validation_accuracy)
    note(fmt::format("update {}: validation accuracy {:.3f}, objective {:.3f} (evaluation step {})", p.update,
                     *p.validation_accuracy, p.validation_objective.value_or(NAN), p.validation_mark));

  const double remaining = rate_ > 0 ? static_cast<double>(p.updates - p.update) / rate_ : NAN;
  const std::string facts =
      fmt::format("update {}/{}  objective {:.3f} -> {:.3f}  {:.2f} updates/s  {:.0f} steps/s", p.update,
                  p.updates, p.objective_first, p.objective_last, rate_,
                  p.seconds > 0 ? static_cast<double>(p.inner_steps) / p.seconds : 0.0) +
      (p.disk_wait > 0 ? fmt::format("  waited {:.1f} s for the disk", p.disk_wait) : "");
  tell(
      [=, saved = p.seconds_since_save](double age) {
        return fmt::format("{}  ETA {}  saved {} ago", facts, duration(remaining - age),
                           duration(saved + age));
      },
      first_ || p.update == p.updates);
  first_ = false;
}

}  // namespace tools
