// bench_record: the cost of a new architecture before its first step: recording, differentiating and
// compiling the plan of a turn.
//
// The total is measured in InnerStep; recording and differentiating are repeated separately, and the rest is
// compiling. Processor time.
#include <fmt/format.h>

#include <optional>

#include "bench/forward_graph.hpp"
#include "bench/program.hpp"
#include "bench/timing.hpp"

namespace bench {
namespace {

Json measure(const Preset& preset, double seconds) {
  std::vector<double> record, differentiate, compile;
  const auto all = sample_for(seconds, 5, [&](std::vector<double>& totals) {
    std::optional<ForwardGraph> graph;
    record.push_back(processor_time_once([&] { graph.emplace(preset); }));
    differentiate.push_back(processor_time_once([&] { graph->differentiate(); }));
    graph.reset();
    totals.push_back(time_compiling(preset));
    compile.push_back(totals.back() - record.back() - differentiate.back());
  });
  const Summary total = summarise(all);
  return {{"preset", preset.name},
          {"record_ms", summarise(record).median},
          {"differentiate_ms", summarise(differentiate).median},
          {"compile_ms", summarise(compile).median},
          {"total_ms", total.median},
          {"total_ms_min", total.min},
          {"spread", total.spread},
          {"samples", all.size()}};
}

void run(const std::vector<std::string>& words) {
  const tools::Usage usage{"bench_record [--preset NAME] [options]",
                           "Times recording, differentiating and compiling a meta-gradient step; medians.",
                           {{"preset", "NAME", "tiny, small, paper or wide; all of them if not given"},
                            {"seconds", "S", "how long to measure each", "2"},
                            {"json", "", "print JSON"}}};
  const auto arguments = tools::parse(usage, words);
  if (!arguments) return;
  const auto name = arguments->find("preset");
  const double seconds = seconds_option(*arguments, "seconds", 2);
  Json results = Json::array();
  for (const Preset& preset : name ? std::vector{find_preset(*name)} : presets())
    results.push_back(measure(preset, seconds));
  if (arguments->has("json")) return tools::print_json(results);
  fmt::print("{:6}  {:>9}  {:>16}  {:>10}  {:>8}  {:>8}  {:>6}\n", "preset", "record ms", "differentiate ms",
             "compile ms", "total ms", "smallest", "spread");
  for (const Json& r : results)
    fmt::print("{:6}  {:>9.2f}  {:>16.2f}  {:>10.2f}  {:>8.2f}  {:>8.2f}  {:>4.0f} %\n",
               r["preset"].get<std::string>(), r["record_ms"].get<double>(),
               r["differentiate_ms"].get<double>(), r["compile_ms"].get<double>(),
               r["total_ms"].get<double>(), r["total_ms_min"].get<double>(), 100 * r["spread"].get<double>());
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run_program("bench_record", argc, argv, bench::run); }
