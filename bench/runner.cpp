#include "bench/runner.hpp"

#include <barrier>
#include <fstream>
#include <thread>

#include "bench/timing.hpp"
#include "checkpoints/error.hpp"

namespace bench {

std::string to_string(By by) { return by == By::tasks ? "tasks" : "neurons"; }

By by_from(const std::string& name) {
  for (By by : {By::tasks, By::neurons})
    if (name == to_string(by)) return by;
  throw checkpoints::UsageError("--by: expected tasks or neurons, found '" + name + "'");
}

Runner::Runner(const Preset& preset, int threads, By by) {
  const int tasks = by == By::tasks ? threads : 1;
  for (int i = 0; i < tasks; ++i) {
    turns_.push_back(std::make_unique<Turn>(preset, by == By::tasks ? 1 : threads));
    turns_.back()->run();
    turns_.back()->run();
  }
}

std::vector<double> Runner::run(std::size_t rounds) {
  std::vector<Clock::time_point> times;  // the start, and the ends of all rounds
  times.reserve(rounds + 1);
  std::barrier together(static_cast<std::ptrdiff_t>(turns_.size()),
                        [&]() noexcept { times.push_back(Clock::now()); });
  const auto work = [&](Turn& turn) {
    together.arrive_and_wait();
    for (std::size_t r = 0; r < rounds; ++r) {
      turn.run();
      together.arrive_and_wait();
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t task = 1; task < turns_.size(); ++task)
      others.emplace_back([&, task] { work(*turns_[task]); });
    work(*turns_.front());
  }
  std::vector<double> ms;
  for (std::size_t r = 0; r < rounds; ++r)
    ms.push_back(milliseconds(times[r], times[r + 1]) / static_cast<double>(turns_.size()));
  return ms;
}

std::size_t Runner::arena_bytes() const {
  std::size_t total = 0;
  for (const auto& turn : turns_) total += turn->step().predicted_peak_bytes();
  return total;
}

std::size_t Runner::tape_bytes() const { return turns_.front()->step().tape_bytes(); }

std::size_t peak_rss_bytes() {
  // Not getrusage: it covers the whole past of the process, also before exec.
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (std::size_t kib = 0; word == "VmHWM:" && status >> kib) return kib * 1024;
  throw checkpoints::NoInput("/proc/self/status: no line VmHWM; mount the proc file system");
}

}  // namespace bench
