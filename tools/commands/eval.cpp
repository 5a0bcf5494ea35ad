// eval: few-shot accuracy of a theta on data sets, at each evaluation step, and on the tasks that were held
// out of its training. --methods is in eval_methods.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "checkpoints/error.hpp"
#include "metalearn/base/word_list.hpp"
#include "metalearn/evaluate/few_shot.hpp"
#include "metalearn/report/evaluation_files.hpp"
#include "metalearn/snapshots/trained_theta.hpp"
#include "tools/cli/config_source.hpp"
#include "tools/cli/evaluation.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/output_file.hpp"
#include "tools/cli/plus_minus.hpp"
#include "tools/cli/say.hpp"
#include "tools/cli/theta_notes.hpp"
#include "tools/cli/theta_source.hpp"
#include "tools/commands/commands.hpp"
#include "tools/commands/eval_methods.hpp"

namespace tools {
namespace {

using checkpoints::UsageError;
using metalearn::ConfigKey;
using metalearn::FewShotOptions;
using metalearn::FewShotRow;
using metalearn::keys_where;
using metalearn::Role;
using metalearn::TrainedTheta;
using metalearn::report::row_json;

constexpr const char* kMarks = "0,10,25,50,100";
constexpr const char* kHeldOut =
    "images used neither for training nor for choosing; glyph: held-out classes in separate font families; "
    "cifar10, imagenet: held-out classes";

Usage make_usage() {
  Usage usage{
      "metalearn eval [--theta FILE|RUN] --data NAME=DIR ... | --methods NAME,... --data NAME=DIR ... "
      "[options]",
      "Lets a learned rule train base models on unlabelled batches and prints their few-shot accuracy after "
      "each number of inner steps; or compares methods.",
      {{"theta", "FILE|RUN",
        "snapshot, or run directory: its best snapshot on meta-validation tasks; with --methods one for each "
        "rule",
        "the theta that comes with the program", true},
       {"data", "NAME[=DIR]", "data set to evaluate on", "", true},
       {"methods", "NAME,...",
        fmt::format("compare methods on the same draws and base models: all, or {}",
                    fmt::join(metalearn::method_names(), ", "))},
       {"held-out", "", fmt::format("evaluate on tasks made of {}", kHeldOut)},
       {"steps", "N,N,...",
        "evaluation steps: inner steps done, ascending; 0 is random initialisation; without --methods the "
        "step that meta-validation chose is added",
        fmt::format("{}; --methods: each method's own, and the step that meta-validation chose", kMarks)},
       {"layers", "N,N,...",
        "units of the base model's hidden layers; not with --held-out, whose tasks set their own", "64,64"},
       {"seeds", "N", "base models and batches per data set; 1 .. 10000; not with --held-out",
        "8; --methods: 10"},
       {"draws", "N", "draws of labels per seed and evaluation step; 1 .. 10000", "5"},
       {"permutation", "N",
        "show the inputs in random order number N, to test that the rule does not use their positions; 0: "
        "unchanged; 0 .. 1000000; not with --held-out",
        "0"},
       {"tasks", "N", "number of tasks of --held-out; 1 .. 10000", "32"},
       {"threads", "N", "threads; 0: all cores; 0 .. 4096", "0"},
       {"memory", "BYTES",
        "budget for base models and their steps; fewer then run at the same time: 512MiB, 2GB, ...; not with "
        "--methods",
        "none"},
       {"seed", "N", "of all draws; 0 .. 9223372036854775807", "0"},
       {"raw", "", "use theta itself, not its moving average"},
       {"out", "FILE.json", "also write the JSON to this file; missing folders are created"},
       force_option(),
       {"json", "", "print JSON"}}};
  usage.notes = "Methods:\n" + metalearn::method_summaries();
  usage.notes.pop_back();
  add_key_options(usage, "as in training; --methods: 10");
  for (const ConfigKey& key : keys_where(&ConfigKey::is_of_held_out_tasks))
    usage.options.push_back(key_option(key, kAsInTraining, ", of the tasks of --held-out"));
  return usage;
}

/// Refuses options that would have no effect.
void require_effect(const Arguments& arguments) {
  const bool held_out = arguments.has("held-out");
  for (const char* option : {"layers", "seeds", "permutation"})
    if (held_out && arguments.has(option))
      throw UsageError(
          fmt::format("--{} has no effect with --held-out, whose tasks set their own widths, permutations "
                      "and base models; leave it out (--tasks sets the number of tasks)",
                      option));
  if (arguments.has("methods") && arguments.has("memory"))
    throw UsageError("--memory has no effect with --methods; leave it out");
  for (const ConfigKey& key : keys_where(&ConfigKey::is_of_held_out_tasks))
    if (!held_out && arguments.has(key.name))
      throw UsageError(fmt::format(
          "--{} has no effect without --held-out, whose tasks it sets; give --held-out too, or leave it out",
          key.name));
  if (held_out && arguments.has("methods"))
    throw UsageError(
        "--methods has no effect with --held-out: methods are compared on data sets; give --data NAME=DIR "
        "instead");
  if (!held_out && arguments.has("tasks"))
    throw UsageError(
        "--tasks has no effect without --held-out, whose number of tasks it sets; give --held-out too, or "
        "--seeds instead");
}

struct Report {
  std::vector<FewShotRow> rows;
  std::optional<std::int64_t> mark;     ///< chosen on meta-validation tasks
  std::vector<FewShotRow> choice = {};  ///< on these tasks, where the evaluation step was chosen here
};

Report on_data(const TrainedTheta& theta, const Datasets& sets, FewShotOptions options) {
  Report report{{}, theta.mark};
  if (theta.mark) insert_mark(options.steps, *theta.mark);
  for (const auto& set : sets)
    for (const auto& row :
         metalearn::few_shot(theta.config.rule, theta.theta, set, theta.config.task, options))
      report.rows.push_back(row);
  return report;
}

/// The evaluation step is the run's, or chosen here on meta-validation tasks; the rows are of test tasks.
Report on_held_out(const TrainedTheta& theta, const Datasets& sets, std::int64_t tasks,
                   FewShotOptions options) {
  if (options.steps.back() == 0) throw UsageError("--held-out chooses one of the --steps; give one above 0");
  insert_mark(options.steps, 0);  // the baseline of the gain
  const metalearn::TaskDistribution distribution(theta.config.task, sets, options.seed);
  const auto evaluate = [&](Role role) {
    return metalearn::validate(theta.config.rule, theta.theta, distribution, tasks, options, role);
  };
  Report report{{}, theta.mark};
  if (theta.mark) {
    insert_mark(options.steps, *theta.mark);
  } else {
    report.choice = evaluate(Role::validation);
    if (const auto* best = metalearn::best_mark(report.choice)) report.mark = best->step;
  }
  report.rows = evaluate(Role::test);
  return report;
}

/// "gain" is the gain at the chosen evaluation step.
Json to_json(const Report& report) {
  Json json = {{"results", Json::array()},
               {"chosen_step", report.mark ? Json(*report.mark) : Json(nullptr)},
               {"gain", Json::object()}};
  for (const auto& row : report.rows) {
    json["results"].push_back(row_json(row));
    if (row.step == report.mark)
      json["gain"][row.data] = {{"mean", number(row.gain_mean)}, {"se", number(row.gain_se)}};
  }
  for (const auto& row : report.choice) json["meta_validation"].push_back(row_json(row));
  return json;
}

void print_table(const std::vector<FewShotRow>& rows) {
  std::size_t width = 4;
  for (const auto& row : rows) width = std::max(width, row.data.size());
  say("{:<{}}  {:<8}{:>6}{:>20}{:>20}{:>21}{:>7}\n", "data", width, "method", "step", "accuracy", "objective",
      "gain, paired", "seeds");
  for (const auto& row : rows)
    say("{:<{}}  {:<8}{:>6}{:>20}{:>20}{:>21}{:>7}\n", row.data, width, row.method, row.step,
        plus_minus(row.accuracy_mean, row.accuracy_se), plus_minus(row.objective_mean, row.objective_se),
        row.step == 0 || std::isnan(row.gain_mean) ? "" : plus_minus(row.gain_mean, row.gain_se, "{:+.4f}"),
        row.seeds);
}

/// said: the evaluation step was given at export, not chosen by meta-validation.
void print_gains(const Report& report, bool said) {
  say("\nevaluation step {}: {} inner steps\n",
      said ? "stored with theta" : "chosen on meta-validation tasks", *report.mark);
  for (const auto& row : report.rows)
    if (row.step == report.mark && !std::isnan(row.gain_mean))
      say("{}: accuracy {:.4f}, random initialisation {:.4f}: {:+.1f} points{}\n", row.data,
          row.accuracy_mean, row.accuracy_mean - row.gain_mean, 100 * row.gain_mean,
          std::isnan(row.gain_se) ? "" : fmt::format(" (standard error {:.1f})", 100 * row.gain_se));
}

/// The thetas of --theta. If none is named: the one that comes with the program, if `learned` is named, or
/// for `all` if it fits the given keys.
std::vector<TrainedTheta> thetas_of(const Arguments& arguments, const std::vector<std::string>& methods,
                                    const std::vector<std::string>& words) {
  std::vector<TrainedTheta> thetas;
  for (const auto& word : words) thetas.push_back(load_theta(word, arguments.has("raw")));
  const auto named = [&](const std::string& name) {
    return std::find(methods.begin(), methods.end(), name) != methods.end();
  };
  if (!thetas.empty() || (!named("all") && !named("learned"))) return thetas;
  TrainedTheta kept = kept_theta(arguments.has("raw"));
  const auto shapes = keys_where(&ConfigKey::shapes_theta);
  const bool fits = std::all_of(shapes.begin(), shapes.end(), [&](const ConfigKey& key) {
    const std::string of_kept = key.text(kept.config);
    return arguments.find(key.name).value_or(of_kept) == of_kept;
  });
  if (fits || named("learned")) thetas.push_back(std::move(kept));
  return thetas;
}

/// --methods: the protocol sets the labels per class, the thetas set base model and inputs; without a theta
/// the preset `small` fills in the keys that are not given.
int compare(const Arguments& arguments, const std::vector<std::string>& methods,
            const std::vector<std::string>& words, OutputFile out) {
  MethodsRequest request{.names = methods,
                         .thetas = thetas_of(arguments, methods, words),
                         .config = metalearn::Config::from_preset("small")};
  std::vector<std::string> of_theta = {"raw"};
  for (const ConfigKey& key : keys_where([](const ConfigKey& k) { return k.is_free || k.shapes_theta; }))
    if (key.is_common || key.name == "labels-per-class") {
      if (const auto asked = arguments.find(key.name)) set_option(request.config, key.name, *asked);
    } else {
      of_theta.push_back(key.name);
    }
  for (const auto& key : of_theta)
    if (request.thetas.empty() && arguments.has(key))
      throw UsageError(fmt::format(
          "--{} has no effect without a learned rule; leave it out, or give --theta FILE|RUN", key));
  Arguments protocol = arguments;
  if (!arguments.has("labels-per-class"))
    protocol.given.emplace_back("labels-per-class", request.config.to_map().at("labels-per-class"));
  for (TrainedTheta& theta : request.thetas) {
    apply_keys(protocol, theta);
    const TrainedTheta& first = request.thetas.front();
    for (const ConfigKey& key : keys_where(&ConfigKey::is_common)) {
      const std::string value = key.text(theta.config), of_first = key.text(first.config);
      if (value != of_first)
        throw UsageError(
            fmt::format("{} has {} = {}, {} has {}, but all methods share one base model and its inputs; "
                        "{}evaluate them separately",
                        first.file, key.name, of_first, theta.file, value,
                        key.shapes_theta ? "" : fmt::format("give --{}, or ", key.name)));
      key.set(request.config, value);
    }
  }
  request.options = few_shot_options(arguments, request.config, kMarks, 10);
  if (!arguments.has("steps")) request.options.steps.clear();
  request.sets = load_sets(arguments.all("data"), request.config);
  for (const auto& theta : request.thetas) note_overlap(theta, request.sets, "");
  request.json = arguments.has("json");
  request.out = std::move(out);
  return eval_methods(request);
}

int run(const Words& words) {
  const auto arguments = parse(make_usage(), words);
  if (!arguments) return 0;
  const auto thetas = arguments->all("theta");
  if (std::count(thetas.begin(), thetas.end(), "") > 0)
    throw UsageError("--theta is empty; give --theta SNAPSHOT or --theta RUN, or leave it out");
  const bool held_out = arguments->has("held-out");
  if (!arguments->has("data") && !held_out)
    throw UsageError("no data to evaluate on; give --data NAME=DIR, or --held-out");
  require_effect(*arguments);
  OutputFile out = optional_output(*arguments, arguments->has("methods") ? kComparison : kEvaluation);
  if (const auto methods = arguments->find("methods"))
    return compare(*arguments, metalearn::split_list(*methods), thetas, std::move(out));
  if (thetas.size() > 1)
    throw UsageError("--theta is given twice (allowed only with --methods); give it once");

  TrainedTheta theta =
      thetas.empty() ? kept_theta(arguments->has("raw")) : load_theta(thetas.front(), arguments->has("raw"));
  apply_keys(*arguments, theta);
  for (const ConfigKey& key : keys_where(&ConfigKey::is_of_held_out_tasks))
    if (const auto asked = arguments->find(key.name)) {
      const auto before = key.text(theta.config);
      set_option(theta.config, key.name, *asked);
      if (key.text(theta.config) != before) theta.mark.reset();  // the step was chosen on other tasks
    }
  const auto options = few_shot_options(*arguments, theta.config, kMarks, 8);
  if (out && !arguments->has("data")) out.keep_off(theta.config.data);
  const Datasets sets = load_sets(arguments->all("data"), theta.config);
  note_overlap(theta, held_out ? Datasets{} : sets,
               "; --held-out evaluates on data that was kept out of training");
  const Report report = held_out ? on_held_out(theta, sets, arguments->whole("tasks", 32, 1, 10000), options)
                                 : on_data(theta, sets, options);

  Json json = to_json(report);
  json["permutation"] = options.permutation;
  if (out) out.write(to_text(json));
  if (arguments->has("json")) {
    print_json(json);
    return 0;
  }
  say("theta: {}\n       {} of update {}\n", theta.file, theta.label, theta.update);
  for (const auto& set : sets) say("data:  {}: {}\n", set->name, set->split_note);
  if (options.permutation > 0) say("input: in random order number {}\n", options.permutation);
  if (held_out) say("test:  tasks made of {}\n", kHeldOut);
  say("\n");
  print_table(report.rows);
  if (std::any_of(report.rows.begin(), report.rows.end(),
                  [](const FewShotRow& row) { return !std::isnan(row.accuracy_se); }))
    print_what_errors_are(held_out ? "tasks" : "seeds");
  if (report.mark)
    print_gains(report, theta.mark && theta.label.starts_with(metalearn::kMeanLabel));
  else if (held_out)
    say("\nno evaluation step was chosen: no score is finite\n");
  return 0;
}

}  // namespace

extern const Command kEval{"eval",
                           "few-shot accuracy of a theta on data sets, step by step; or of several methods",
                           make_usage, run};

}  // namespace tools
