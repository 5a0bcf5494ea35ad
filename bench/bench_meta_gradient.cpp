// bench_meta_gradient: the time of a meta-gradient step, forward and reverse with the objective, compared
// with the machine's limit.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <sstream>

#include "autodiff/kernels/kernels.hpp"
#include "bench/forward_graph.hpp"
#include "bench/growth.hpp"
#include "bench/peak.hpp"
#include "bench/profile.hpp"
#include "bench/program.hpp"
#include "bench/runner.hpp"
#include "bench/timing.hpp"
#include "checkpoints/error.hpp"

namespace bench {
namespace {

const char* active_level() { return autodiff::kernels::active<float>().isa; }

struct Setting {
  Preset preset;
  int threads;
  By by;
};

Json measure(const Setting& s, double seconds) {
  const double record = summarise(sample_for(0, 5, [&](std::vector<double>& ms) {
                          ms.push_back(time_compiling(s.preset));
                        })).median;
  const double peak = peak_gflops(active_level(), s.threads), multiply_adds = useful_multiply_adds(s.preset);
  Runner runner(s.preset, s.threads, s.by);
  const auto block = static_cast<std::size_t>(std::max(
      1.0,
      20 /
          runner.run(1).front()));  // rounds of about 20 ms: threads start and end together only once a block
  const int tasks = s.by == By::tasks ? s.threads : 1;
  std::vector<double> cpu_samples;  // of all threads, one per block
  const auto samples = sample_for(seconds, 3, [&](std::vector<double>& all) {
    const double cpu_ms = processor_time_once([&] {
      for (double ms : runner.run(block)) all.push_back(ms);
    });
    cpu_samples.push_back(cpu_ms / static_cast<double>(block) / tasks);
  });
  const Summary ms = summarise(samples);
  const double cpu_ms = summarise(cpu_samples).median;
  const auto gflops = [&](double milliseconds) { return 2e-6 * multiply_adds / milliseconds; };
  return {{"preset", s.preset.name},
          {"threads", s.threads},
          {"by", to_string(s.by)},
          {"isa", active_level()},
          {"ms", ms.median},
          {"ms_min", ms.min},
          {"spread", ms.spread},
          {"samples", samples.size()},
          {"cpu_ms", cpu_ms},
          {"multiply_adds", multiply_adds},
          {"gflops", gflops(ms.median)},
          {"peak_gflops", peak},
          {"peak_fraction", gflops(ms.median) / peak},
          {"peak_fraction_best", gflops(ms.min) / peak},
          {"peak_fraction_cpu", gflops(cpu_ms) * s.threads / peak},
          {"tape_bytes", runner.tape_bytes()},
          {"arena_bytes", runner.arena_bytes()},
          {"peak_rss_bytes", peak_rss_bytes()},
          {"record_ms", record}};
}

void print_measured(const Json& m) {
  const auto value = [&](const char* key) { return m[key].get<double>(); };
  fmt::print("{}: {} thread(s) by {}, kernels {}\n", m["preset"].get<std::string>(), m["threads"].get<int>(),
             m["by"].get<std::string>(), m["isa"].get<std::string>());
  fmt::print(
      "  {:.3f} ms per inner step (smallest {:.3f}, 10th to 90th percentile {:.0f} % apart, {} rounds); "
      "{:.3f} ms of processor time\n",
      value("ms"), value("ms_min"), 100 * value("spread"), m["samples"].get<std::size_t>(), value("cpu_ms"));
  fmt::print(
      "  {:.1f} million multiply-adds, {:.1f} GFLOP/s of {:.1f}: {:.1f} % of FMA peak (smallest time {:.1f} "
      "%, processor time {:.1f} %)\n",
      value("multiply_adds") * 1e-6, value("gflops"), value("peak_gflops"), 100 * value("peak_fraction"),
      100 * value("peak_fraction_best"), 100 * value("peak_fraction_cpu"));
  fmt::print(
      "  tape {:.2f} MB a step, arenas {:.2f} MB, peak resident {:.1f} MB; recorded and compiled in {:.1f} "
      "ms\n",
      value("tape_bytes") * 1e-6, value("arena_bytes") * 1e-6, value("peak_rss_bytes") * 1e-6,
      value("record_ms"));
}

/// Answers lines on standard input until "quit" or the end: "run K" with the milliseconds per inner step of K
/// rounds, "info" with a line of JSON.
void serve(const Setting& s) {
  Runner runner(s.preset, s.threads, s.by);
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    std::istringstream words(line);
    std::string command;
    std::size_t rounds = 0;
    if (words >> command; command == "run" && words >> rounds && rounds >= 1 && rounds <= 1000000) {
      fmt::print("{:.6f}\n", fmt::join(runner.run(rounds), " "));
    } else if (command == "info") {
      const Json info = {{"preset", s.preset.name},
                         {"threads", s.threads},
                         {"by", to_string(s.by)},
                         {"isa", active_level()},
                         {"multiply_adds", useful_multiply_adds(s.preset)},
                         {"peak_gflops", peak_gflops(active_level(), s.threads)},
                         {"tape_bytes", runner.tape_bytes()},
                         {"arena_bytes", runner.arena_bytes()},
                         {"peak_bytes", peak_rss_bytes()}};
      fmt::print("{}\n", info.dump());
    } else {
      throw checkpoints::UsageError(fmt::format(
          "--serve: expected 'run K' with K in 1 .. 1000000, 'info' or 'quit', found '{}'", line));
    }
    std::fflush(stdout);
  }
}

void print_unrolls(const Json& entries) {
  fmt::print("{:>6}  {:>10}  {:>10}  {:>7}\n", "T", "ms", "mean ms", "ratio");
  for (const Json& e : entries)
    fmt::print("{:>6}  {:>10.3f}  {:>10.3f}  {:>7.3f}{}\n", e["T"].get<long long>(), e["ms"].get<double>(),
               e["mean_ms"].get<double>(), e["ratio"].get<double>(),
               e["finite"].get<bool>() ? "" : "  (not finite)");
}

void print_doublings(const Json& growth) {
  const std::string what = growth["growth"];
  fmt::print("{:>8}  {:>22}  {:>10}  {:>10}  {:>7}\n", what, "million multiply-adds", "ms", "ms min",
             "spread");
  for (const Json& e : growth["sizes"])
    fmt::print("{:>8}  {:>22.1f}  {:>10.3f}  {:>10.3f}  {:>5.0f} %\n", e["size"].get<double>(),
               e["multiply_adds"].get<double>() * 1e-6, e["ms"].get<double>(), e["ms_min"].get<double>(),
               100 * e["spread"].get<double>());
  fmt::print("slope against log {}: {:.3f} of log ms min, {:.3f} of log multiply-adds\n", what,
             growth["slope"].get<double>(), growth["slope_multiply_adds"].get<double>());
}

void run(const std::vector<std::string>& words) {
  const tools::Usage usage{
      "bench_meta_gradient --preset NAME [options]",
      "Times a meta-gradient step (forward and reverse of an inner step, objective included).",
      {{"preset", "NAME", "tiny, small, paper or wide", "small"},
       {"threads", "N", "threads", "1"},
       {"by", "WHAT", "tasks: each thread has its own step; neurons: the loops of one step are spread",
        "tasks"},
       {"seconds", "S", "how long to measure", "5"},
       {"serve", "", "answer 'run K', 'info' and 'quit' on standard input"},
       {"profile", "", "where the time goes, op by op and kernel by kernel"},
       {"lengths", "T,...", "time of a step in unrolls of these lengths, against the first"},
       {"growth", "WHAT", "time at 1, 2 and 4 times the batch or the units, and the slope"},
       {"json", "", "print JSON"}},
      "",
      "--profile runs one step at a time: there, threads are by neurons. --lengths and --growth run on one "
      "thread and take its processor time."};
  const auto arguments = tools::parse(usage, words);
  if (!arguments) return;
  const Setting s{find_preset(arguments->find("preset").value_or("small")),
                  static_cast<int>(arguments->whole("threads", 1, 1, 1024)),
                  by_from(arguments->find("by").value_or("tasks"))};
  const double seconds = seconds_option(*arguments, "seconds", 5);
  const auto lengths = arguments->find("lengths"), growth = arguments->find("growth");
  const bool serving = arguments->has("serve"), profiling = arguments->has("profile");
  if (serving + profiling + lengths.has_value() + growth.has_value() > 1)
    throw checkpoints::UsageError(
        "--serve, --profile, --lengths and --growth exclude each other; give one of them");
  if ((lengths || growth) && s.threads > 1)
    throw checkpoints::UsageError(
        "--lengths and --growth take the processor time of one thread; leave --threads out");
  if (serving) return serve(s);

  const Json result = profiling ? profile(s.preset, s.threads, seconds)
                      : lengths ? unrolls(s.preset, tools::whole_list("lengths", *lengths, 1, 100000))
                      : growth  ? doublings(s.preset, *growth, seconds)
                                : measure(s, seconds);
  if (arguments->has("json"))
    tools::print_json(result);
  else if (profiling)
    print_profile(result, peak_gflops(active_level(), s.threads), 20);
  else if (lengths)
    print_unrolls(result);
  else if (growth)
    print_doublings(result);
  else
    print_measured(result);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run_program("bench_meta_gradient", argc, argv, bench::run); }
