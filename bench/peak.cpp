#include "bench/peak.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <barrier>
#include <stdexcept>
#include <thread>

#include "autodiff/kernels/kernels.hpp"
#include "bench/peak_level.hpp"
#include "bench/timing.hpp"

namespace bench {

namespace {

const Burst& burst_of(const std::string& level) {
  if (autodiff::kernels::table<float>(level.c_str())) {
    if (level == "scalar") return scalar::burst;
#ifdef BENCH_X86_LEVELS
    if (level == "v2") return v2::burst;
    if (level == "v3") return v3::burst;
    if (level == "v4") return v4::burst;
#endif
  }
  throw std::invalid_argument(
      fmt::format("[peak] expected one of the levels {}, found '{}'", fmt::join(levels(), ", "), level));
}

}  // namespace

std::vector<std::string> levels() {
  std::vector<std::string> names;
  for (const char* level : {"scalar", "v2", "v3", "v4"})
    if (autodiff::kernels::table<float>(level)) names.push_back(level);
  return names;
}

double peak_gflops(const std::string& level, int threads) {
  if (threads < 1)
    throw std::invalid_argument(fmt::format("[peak] expected at least 1 thread, found {}", threads));
  constexpr int kPatience = 200;  // stops after this many rounds without improvement
  constexpr double kBurstMs =
      1;  // much shorter than a time slice of the operating system, much longer than the clock's resolution
  const Burst& burst = burst_of(level);
  const auto run = [&](std::int64_t rounds) {
    burst.run(rounds, 0.999f, 0.001f);
  };  // called through a pointer, so never optimised away

  std::int64_t rounds = 1000;
  while (time_once([&] { run(rounds); }) < kBurstMs) rounds *= 2;

  // In a round every thread runs a burst and takes its own time, so a thread that had to wait spoils only
  // that round.
  std::vector<double> ms(static_cast<std::size_t>(threads));
  double best = 0;
  int in_vain = 0;
  const auto judge = [&]() noexcept {
    double now = 0;
    for (double t : ms) now += static_cast<double>(burst.flops) * static_cast<double>(rounds) / t * 1e-6;
    in_vain = now > best * 1.002 ? 0 : in_vain + 1;
    best = std::max(best, now);
  };
  std::barrier begin(threads);
  std::barrier end(threads, judge);
  const auto work = [&](double& own_ms) {
    while (in_vain < kPatience) {  // changes only while all threads wait
      begin.arrive_and_wait();
      own_ms = time_once([&] { run(rounds); });
      end.arrive_and_wait();
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < ms.size(); ++i) others.emplace_back([&, i] { work(ms[i]); });
    work(ms.front());
  }
  return best;
}

}  // namespace bench
