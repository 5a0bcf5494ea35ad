// eval: few-shot accuracy of a theta on data sets, mark by mark, and on the tasks that were held out of its training.
#include <algorithm>

#include "checkpoints/error.hpp"
#include "metalearn/evaluate/few_shot.hpp"
#include "tools/commands.hpp"
#include "tools/json.hpp"
#include "tools/options.hpp"
#include "tools/theta_file.hpp"

namespace tools {
namespace {

using checkpoints::UsageError;
using metalearn::FewShotOptions;
using metalearn::FewShotRow;

// Seeds of held-out tasks: a mark is chosen on other tasks than those it is reported on, and neither are those of the training's validations.
constexpr std::uint64_t kChoosingSeed = 1000003, kReportingSeed = 2000003;

/// Keys that theta's shapes depend on: they may be said, but only as theta has them.
const std::vector<std::string> kShapeKeys = {"rule", "h-size", "h-layers", "top-size", "top-layers", "delta-size", "grad-channels", "representation", "identical-updates"};
/// Keys that an evaluation may set otherwise than the training.
const std::vector<std::string> kFreeKeys = {"activation", "inner-rate", "resolution", "labels-per-class"};

Usage make_usage() {
  Usage usage{"metalearn eval --theta FILE|RUN --data NAME=DIR ... [options]",
              "Lets a learned rule train base models on unlabelled batches and prints their few-shot accuracy after each number of inner steps.",
              {{"theta", "FILE|RUN", "snapshot, or run directory: its best snapshot on held-out tasks"},
               {"data", "NAME[=DIR]", "data set to evaluate on", "", true},
               {"held-out", "", "evaluate on the run's held-out glyph families and classes, CIFAR classes; choose the mark on others of them"},
               {"steps", "N,N,...", "marks: inner steps done, ascending; 0 is random initialisation", "0,10,25,50,100"},
               {"layers", "N,N,...", "units of the base model's hidden layers", "64,64"},
               {"seeds", "N", "base models and batches per data set; 1 .. 10000", "8"},
               {"draws", "N", "draws of labels per seed and mark; 1 .. 10000", "5"},
               {"tasks", "N", "held-out tasks with --held-out; 1 .. 10000", "32"},
               {"batch", "N", "unlabelled examples of an inner step; 2 .. 65536", "as in training"},
               {"threads", "N", "threads; 0: all cores; 0 .. 4096", "0"},
               {"seed", "N", "of all draws; 0 .. 9223372036854775807", "0"},
               {"raw", "", "use theta itself, not its moving average"},
               {"json", "", "print JSON"}}};
  for (const auto* keys : {&kFreeKeys, &kShapeKeys})
    for (const auto& key : *keys)
      usage.options.push_back({key, "X", keys == &kFreeKeys ? "configuration key, instead of the training's" : "configuration key; must be as theta has it", "as in training", false, false});
  return usage;
}

/// What the command line says about the configuration must fit theta.
void apply_keys(const Arguments& arguments, ThetaFile& file) {
  for (const auto& key : kShapeKeys)
    if (const auto asked = arguments.find(key)) {
      metalearn::Config wanted = file.config;
      wanted.set(key, *asked);
      const std::string has = file.config.to_map().at(key);
      if (wanted.to_map().at(key) != has)
        throw UsageError(fmt::format("--{} {} does not fit theta: {} has {} = {}; leave the option out or use a theta of that size", key, *asked, file.path, key, has));
    }
  for (const auto& key : kFreeKeys)
    if (const auto asked = arguments.find(key)) file.config.set(key, *asked);
}

FewShotOptions few_shot_options(const Arguments& arguments, const metalearn::Config& config) {
  FewShotOptions options;
  const auto steps = whole_list("steps", arguments.find("steps").value_or("0,10,25,50,100"), 0, 100000);
  if (std::adjacent_find(steps.begin(), steps.end(), std::greater_equal<>()) != steps.end()) throw UsageError("--steps: the marks do not ascend; write them as 0,10,25");
  options.steps.assign(steps.begin(), steps.end());
  const auto layers = whole_list("layers", arguments.find("layers").value_or("64,64"), 1, 16384);
  options.hidden.assign(layers.begin(), layers.end());
  options.seeds = arguments.whole("seeds", 8, 1, 10000);
  options.draws = arguments.whole("draws", 5, 1, 10000);
  options.batch = arguments.whole("batch", config.batch, 2, 65536);
  options.labels_per_class = config.task.labels_per_class;
  options.threads = static_cast<int>(arguments.whole("threads", 0, 0, 4096));
  options.seed = static_cast<std::uint64_t>(arguments.whole("seed", 0, 0, std::numeric_limits<long long>::max()));
  return options;
}

/// The mark with the highest accuracy after at least one inner step, the earliest of equals. REQUIRES that there is one.
std::int64_t best_mark(const std::vector<FewShotRow>& rows) {
  const FewShotRow* best = nullptr;
  for (const auto& row : rows)
    if (row.step > 0 && (!best || row.accuracy_mean > best->accuracy_mean)) best = &row;
  return best->step;
}

/// Held-out tasks of these data sets, other ones for each `seed`.
std::vector<FewShotRow> on_held_out(const ThetaFile& file, const std::vector<std::shared_ptr<const metalearn::Dataset>>& sets, std::int64_t tasks, const FewShotOptions& options,
                                    std::uint64_t seed) {
  const metalearn::TaskDistribution distribution(file.config.task, sets, options.seed + seed);
  return metalearn::validate(file.config.rule, file.theta, distribution, tasks, options);
}

const FewShotRow* find_row(const std::vector<FewShotRow>& rows, const std::string& data, std::int64_t step) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const FewShotRow& r) { return r.data == data && r.step == step; });
  return row == rows.end() ? nullptr : &*row;
}

Json to_json(const FewShotRow& row) {
  return {{"data", row.data},
          {"method", row.method},
          {"step", row.step},
          {"accuracy_mean", number(row.accuracy_mean)},
          {"accuracy_se", number(row.accuracy_se)},
          {"objective_mean", number(row.objective_mean)},
          {"seeds", row.seeds}};
}

void print_table(const std::vector<FewShotRow>& rows) {
  std::size_t width = 4;
  for (const auto& row : rows) width = std::max(width, row.data.size());
  fmt::print("{:<{}}  {:<8}{:>6}{:>20}{:>20}{:>7}\n", "data", width, "method", "step", "accuracy", "objective", "seeds");
  for (const auto& row : rows)
    fmt::print("{:<{}}  {:<8}{:>6}{:>20}{:>20}{:>7}\n", row.data, width, row.method, row.step, fmt::format("{:.4f} +- {:.4f}", row.accuracy_mean, row.accuracy_se),
               fmt::format("{:.4f} +- {:.4f}", row.objective_mean, row.objective_se), row.seeds);
}

void print_gains(const std::vector<FewShotRow>& rows, std::int64_t mark) {
  fmt::print("\nmark chosen on held-out tasks, other ones than these: {} inner steps\n", mark);
  for (const auto& row : rows) {
    const auto* random = find_row(rows, row.data, 0);
    if (row.step == mark && random)
      fmt::print("{}: accuracy {:.4f}, random initialisation {:.4f}: {:+.1f} points\n", row.data, row.accuracy_mean, random->accuracy_mean,
                 100 * (row.accuracy_mean - random->accuracy_mean));
  }
}

}  // namespace

int eval(const Words& words) {
  const auto arguments = parse(make_usage(), words);
  if (!arguments) return 0;
  const auto theta = arguments->find("theta");
  if (!theta) throw UsageError("no theta; give --theta SNAPSHOT or --theta RUN");
  const bool held_out = arguments->has("held-out");
  auto data = arguments->all("data");
  if (data.empty() && !held_out) throw UsageError("no data to evaluate on; give --data NAME=DIR, or --held-out");

  ThetaFile file = load_theta(*theta, arguments->has("raw"));
  apply_keys(*arguments, file);
  auto options = few_shot_options(*arguments, file.config);
  if (held_out) {
    if (options.steps.back() == 0) throw UsageError("--held-out chooses one of the --steps; give one above 0");
    if (options.steps.front() != 0) options.steps.insert(options.steps.begin(), 0);  // what the gain is measured from
  }
  if (data.empty()) data = file.config.data;
  std::vector<std::shared_ptr<const metalearn::Dataset>> sets;
  for (const auto& word : data) sets.push_back(metalearn::load_dataset(word));

  std::vector<FewShotRow> rows;
  auto mark = file.chosen_mark;
  if (held_out) {
    const auto tasks = arguments->whole("tasks", 32, 1, 10000);
    if (!mark || std::find(options.steps.begin(), options.steps.end(), *mark) == options.steps.end())
      mark = best_mark(on_held_out(file, sets, tasks, options, kChoosingSeed));
    rows = on_held_out(file, sets, tasks, options, kReportingSeed);
  } else {
    for (const auto& set : sets)
      for (const auto& row : metalearn::few_shot(file.config.rule, file.theta, set, file.config.task, options)) rows.push_back(row);
  }

  if (arguments->has("json")) {
    Json json = {{"results", Json::array()}};
    for (const auto& row : rows) json["results"].push_back(to_json(row));
    if (mark) json["chosen_step"] = *mark;
    print_json(json);
    return 0;
  }
  fmt::print("theta: {}\n       {} of update {}\n", file.path, arguments->has("raw") ? "as trained" : "moving average", file.update);
  for (const auto& set : sets) fmt::print("data:  {}: {}\n", set->name, set->split_note);
  fmt::print("\n");
  print_table(rows);
  if (mark) print_gains(rows, *mark);
  return 0;
}

}  // namespace tools
