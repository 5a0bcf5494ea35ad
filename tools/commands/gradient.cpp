// gradient: where the gradient through many inner steps is meaningful, and what short windows cost: the map
// of metalearn/analysis/gradient_map.hpp as a table or JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "checkpoints/error.hpp"
#include "metalearn/analysis/gradient_map.hpp"
#include "metalearn/base/byte_count.hpp"
#include "metalearn/base/word_list.hpp"
#include "metalearn/config/presets.hpp"
#include "metalearn/data/sources/load_dataset.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "metalearn/snapshots/trained_theta.hpp"
#include "tools/cli/config_source.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/plus_minus.hpp"
#include "tools/cli/progress.hpp"
#include "tools/cli/say.hpp"
#include "tools/cli/theta_source.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

using checkpoints::UsageError;
using metalearn::Estimate;
using metalearn::GradientMapOptions;
using metalearn::LengthFigures;
using metalearn::TrainedTheta;

const char* const kRates = "1e-4,1e-3,1e-2";
const char* const kLengths = "10,50";
const char* const kWindows = "1,5,10,25";

Usage make_usage() {
  return {
      "metalearn gradient --theta FILE|RUN | --preset NAME [options]",
      "Maps how useful back-propagation through T inner steps is, and what truncating it to windows costs, "
      "over a grid of inner learning rates, lengths and windows.",
      {{"theta", "FILE|RUN",
        "snapshot, imported theta, or run directory: its best snapshot on meta-validation tasks"},
       {"preset", "NAME",
        fmt::format("an untrained theta of this preset instead of --theta: {}",
                    fmt::join(metalearn::preset_names(), ", "))},
       {"data", "NAME[=DIR]", "data set from which tasks are drawn", "as in training; --preset: glyph", true},
       {"inner-rates", "X,X,...", "inner learning rates; each 1e-9 .. 1", kRates},
       {"lengths", "T,T,...", "inner steps per unroll; each 1 .. 1000000", kLengths},
       {"windows", "N,N,...",
        "inner steps per window of back-propagation; each 1 .. the largest T. Each length is compared with "
        "the shorter windows",
        kWindows},
       {"tasks", "N", "tasks at each grid point, the same at all points; 1 .. 10000", "4"},
       {"memory", "BYTES",
        "budget for the unrolls and the compared gradients: 67108864, 64MiB, 2GB; the program itself and "
        "data sets are extra",
        "1GiB"},
       {"threads", "N", "threads; 0: all cores; 0 .. 4096", "0"},
       {"seed", "N", "of tasks, base models and perturbations; 0 .. 9223372036854775807", "0"},
       {"raw", "", "use theta itself, not its moving average"},
       {"json", "", "print JSON"}},
      "",
      "growth     exponent of a small perturbation of phi, per inner step: log(|after T steps| / |at the "
      "start|) / T, in float64. Above 0: perturbations grow;\n"
      "           the dynamics are chaotic only where it stays above 0 as T grows.\n"
      "float64    cosine between the exact gradients in float32 and in float64; exact: d/dtheta of the mean "
      "objective of all T steps.\n"
      "digits     of the exact gradient that agree in float32 and float64; mean over tasks. A task without a "
      "correct digit (off by more than half, or not\n"
      "           finite) counts as 0: neither its exact gradient nor comparisons with it can be relied on.\n"
      "|g|        norm of the gradient back-propagated through windows of this many steps (last row of each "
      "length: the exact gradient).\n"
      "cosine     between that gradient and the exact one, both in float32, over the tasks whose exact "
      "gradient has a correct digit.\n"
      "signal     |mean over tasks| / its standard error; pure noise gives 1.\n"
      "per second (signal^2 - 1) / seconds, over the tasks with a finite gradient: the signal per second of "
      "computation, independent of the number of tasks.\n"
      "Means over tasks +- standard errors; (N): over only N tasks. All but seconds and figures per second "
      "are the same for any number of threads and any\n"
      "memory. Tasks run in parallel only where that is expected to take less time.\n"
      "Exit code 71: the longest unroll does not fit; the smallest budget that works is named. 76: "
      "recomputing a state gave different bits."};
}

template <class T>
std::vector<T> distinct(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

std::vector<double> rates(const std::string& text) {
  std::vector<double> values;
  for (const auto& word : metalearn::split_list(text)) {
    metalearn::Config config;
    set_option(config, "inner-rate", word);
    values.push_back(config.rule.inner_rate);
  }
  if (values.empty())
    throw UsageError("--inner-rates: no numbers; separate them with commas, each 1e-9 .. 1");
  return distinct(values);
}

std::vector<autodiff::Step> steps(const char* name, const std::string& text) {
  const auto values = whole_list(name, text, 1, 1'000'000);
  return distinct(std::vector<autodiff::Step>(values.begin(), values.end()));
}

GradientMapOptions map_options(const Arguments& arguments) {
  GradientMapOptions options;
  options.inner_rates = rates(arguments.find("inner-rates").value_or(kRates));
  options.lengths = steps("lengths", arguments.find("lengths").value_or(kLengths));
  options.windows = steps("windows", arguments.find("windows").value_or(kWindows));
  if (arguments.has("windows") && options.windows.back() > options.lengths.back())
    throw UsageError(
        fmt::format("--windows: a window of {} steps is longer than the longest unroll, {} steps; leave it "
                    "out, or give a longer one in --lengths",
                    options.windows.back(), options.lengths.back()));
  options.tasks = arguments.whole("tasks", 4, 1, 10000);
  if (arguments.has("memory")) options.memory_bytes = arguments.bytes("memory");
  options.threads = static_cast<int>(arguments.whole("threads", 0, 0, 4096));
  options.seed =
      static_cast<std::uint64_t>(arguments.whole("seed", 0, 0, std::numeric_limits<long long>::max()));
  return options;
}

TrainedTheta start_theta(const Arguments& arguments, std::uint64_t seed) {
  const auto word = arguments.find("theta"), preset = arguments.find("preset");
  if (word && preset)
    throw UsageError(
        "--theta and --preset exclude each other: a theta has its own configuration; leave one of them out");
  if (!word && !preset)
    throw UsageError("no theta; give --theta FILE|RUN, or --preset NAME for an untrained one");
  if (word) {
    return load_theta(*word, arguments.has("raw"));
  }
  if (arguments.has("raw"))
    throw UsageError("--raw has no effect with --preset, whose theta has no moving average; leave it out");
  TrainedTheta theta;
  theta.config = metalearn::Config::from_preset(*preset);
  theta.file = "preset " + *preset;
  theta.label = "untrained";
  theta.theta = metalearn::initial_theta(theta.config.rule, seed);
  return theta;
}

metalearn::TaskDistribution load_tasks(const Arguments& arguments, metalearn::Config& config,
                                       std::uint64_t seed) {
  if (arguments.has("data")) set_option(config, "data", metalearn::join_list(arguments.all("data")));
  if (config.data.empty()) throw UsageError("the training data is not known; give --data NAME=DIR");
  std::vector<std::shared_ptr<const metalearn::Dataset>> sets;
  for (const auto& word : config.data) sets.push_back(metalearn::load_dataset(word, config.task.load));
  return {config.task, std::move(sets), seed};
}

std::vector<LengthFigures> run(const metalearn::Config& config, const TrainedTheta& theta,
                               const metalearn::TaskDistribution& tasks, GradientMapOptions options) {
  ProgressLine line;
  const std::size_t all = options.inner_rates.size() * static_cast<std::size_t>(options.tasks);
  std::size_t begun = 0;
  options.on_begin = [&](double rate, std::int64_t task) {
    line.status(fmt::format("inner rate {}, task {} ({} of {})", rate, task, ++begun, all));
  };
  return metalearn::gradient_map(config, theta.theta, tasks, options);
}

Json to_json(const Estimate& e) { return {{"mean", number(e.mean)}, {"se", number(e.standard_error)}}; }

Json to_json(const LengthFigures& f) {
  Json json = {{"inner_rate", f.inner_rate},
               {"length", f.length},
               {"tasks", f.tasks},
               {"growth_per_step", to_json(f.growth)},
               {"growth_tasks", f.growing},
               {"float64_cosine", to_json(f.agreement)},
               {"float64_tasks", f.agreeing},
               {"correct_digits", number(f.digits)},
               {"tasks_without_correct_digits", f.without_digits},
               {"exact_gradient_has_correct_digits", f.has_digits()},
               {"failures", f.failures},
               {"windows", Json::array()}};
  for (const auto& w : f.windows)
    json["windows"].push_back({{"window", w.window},
                               {"exact", w.window == f.length},
                               {"finite_tasks", w.finite},
                               {"gradient_norm", to_json(w.norm)},
                               {"cosine_to_exact", to_json(w.cosine)},
                               {"cosine_tasks", w.compared},
                               {"signal_to_noise", number(w.signal_to_noise)},
                               {"signal_to_noise_per_second", number(w.per_second)},
                               {"seconds", number(w.seconds)}});
  return json;
}

/// "0.0123 +- 0.0004", followed by " (5)" if only 5 of the tasks count; "-" for no number.
std::string show(const Estimate& e, const char* mean_format, const char* error_format, std::int64_t of,
                 std::int64_t tasks) {
  if (!std::isfinite(e.mean)) return "-";
  return plus_minus(e.mean, e.standard_error, mean_format, error_format) +
         (of < tasks ? fmt::format(" ({})", of) : "");
}

std::string show(double value, const char* format) {
  return std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : "-";
}

std::string show_digits(const LengthFigures& f) {
  if (f.without_digits == f.tasks) return "none";
  return f.without_digits == 0 ? fmt::format("{:.1f}", f.digits)
                               : fmt::format("{:.1f}, none in {} of {}", f.digits, f.without_digits, f.tasks);
}

void print_lengths(const std::vector<LengthFigures>& map) {
  say("the exact gradient through T steps\n{:>8}  {:>7}  {:>22}  {:>22}  {}\n", "rate", "T", "growth",
      "float64", "digits");
  for (const auto& f : map) {
    say("{:>8}  {:>7}  {:>22}  {:>22}  {}\n", f.inner_rate, f.length,
        show(f.growth, "{:+.4f}", "{:.4f}", f.growing, f.tasks),
        show(f.agreement, "{:.4f}", "{:.4f}", f.agreeing, f.tasks), show_digits(f));
    for (const auto& failure : f.failures) say("{:>8}  {}\n", "", failure);
  }
}

void print_windows(const std::vector<LengthFigures>& map) {
  say("\nback-propagated through windows\n{:>8}  {:>7}  {:>6}  {:>24}  {:>23}  {:>6}  {:>10}\n", "rate", "T",
      "window", "|g|", "cosine", "signal", "per second");
  for (const auto& f : map)
    for (const auto& w : f.windows)
      say("{:>8}  {:>7}  {:>6}  {:>24}  {:>23}  {:>6}  {:>10}\n", f.inner_rate, f.length, w.window,
          show(w.norm, "{:.3g}", "{:.2g}", w.finite, f.tasks),
          show(w.cosine, "{:.4f}", "{:.4f}", w.compared, f.tasks), show(w.signal_to_noise, "{:.2f}"),
          show(w.per_second, "{:.3g}"));
}

void print_warning(const std::vector<LengthFigures>& map) {
  std::vector<std::string> places;
  for (const auto& f : map)
    if (f.without_digits > 0)
      places.push_back(fmt::format("rate {}, T = {} in {} of {} tasks", f.inner_rate, f.length,
                                   f.without_digits, f.tasks));
  if (!places.empty())
    say("\nno correct digit: in float32 the exact gradient is off by more than half, or not finite, at {}; "
        "cosine leaves these tasks out, |g| and signal include them\n",
        fmt::join(places, "; "));
}

int run(const Words& words) {
  const auto arguments = parse(make_usage(), words);
  if (!arguments) return 0;
  const GradientMapOptions options = map_options(*arguments);
  const TrainedTheta theta = start_theta(*arguments, options.seed);
  metalearn::Config config = theta.config;
  const auto tasks = load_tasks(*arguments, config, options.seed);
  const auto map = run(config, theta, tasks, options);

  if (arguments->has("json")) {
    Json json = {{"theta", theta.file},
                 {"label", theta.label},
                 {"update", theta.update},
                 {"data", config.data},
                 {"trained_inner_rate", theta.config.rule.inner_rate},
                 {"map", Json::array()}};
    for (const auto& f : map) json["map"].push_back(to_json(f));
    print_json(json);
    return 0;
  }
  say("theta: {}\n       {}{}\ndata:  {}; {} tasks, inner rate in training {}\n\n", theta.file, theta.label,
      theta.update > 0 ? fmt::format(" of update {}", theta.update) : "", fmt::join(config.data, ", "),
      options.tasks, theta.config.rule.inner_rate);
  print_lengths(map);
  print_windows(map);
  print_warning(map);
  return 0;
}

}  // namespace

extern const Command kGradient{"gradient", "what truncation costs, and where long gradients are meaningful",
                               make_usage, run};

}  // namespace tools
