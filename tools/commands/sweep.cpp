// sweep: an evaluation with one setting varied: the paper's figures on how a rule generalises.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "metalearn/data/fingerprint.hpp"
#include "metalearn/evaluate/sweep.hpp"
#include "tools/cli/evaluation.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/plus_minus.hpp"
#include "tools/cli/progress.hpp"
#include "tools/cli/say.hpp"
#include "tools/cli/signals.hpp"
#include "tools/cli/sweep_file.hpp"
#include "tools/cli/theta_notes.hpp"
#include "tools/cli/theta_source.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

using checkpoints::UsageError;
using metalearn::Axis;
using metalearn::CommonLayers;
using metalearn::FewShotRow;
using metalearn::FewShotSetup;
using metalearn::SweepAxis;
using metalearn::SweepPlace;
using metalearn::TrainedTheta;

/// "depth=1..11, width=16..10000 (doublings), ...", from the table of axes.
std::string axis_examples() {
  std::string text;
  for (const Axis& axis : metalearn::axes())
    text +=
        fmt::format("{}={}{}, ", axis.name, axis.example, *axis.note ? fmt::format(" ({})", axis.note) : "");
  return text + "or AXIS=A,B,...";
}

Usage make_usage() {
  Usage usage{
      "metalearn sweep --over AXIS=VALUES ... --data NAME=DIR ... [--theta FILE|RUN] [--out DIR] [options]",
      "Evaluates a theta while one setting is varied. Finished values are kept: a sweep that was stopped "
      "resumes.",
      {{"over", "AXIS=VALUES", axis_examples(), "", true},
       {"data", "NAME[=DIR]", "data set to evaluate on", "", true},
       {"theta", "FILE|RUN", "snapshot, or run directory: its best snapshot on meta-validation tasks",
        "the theta that comes with the program"},
       {"out", "DIR", "folder for sweep-AXIS.json and sweep-AXIS.csv",
        "RUN/evaluations, if --theta is a run"},
       {"force", "",
        "start again where these files cannot be continued (of another sweep, or not of a sweep); never "
        "replaces a file that is read"},
       {"steps", "N,N,...", "evaluation steps: inner steps done, ascending; not with --over steps",
        "0 and the step that meta-validation chose, or else 0,10,100"},
       {"layers", "N,N,...",
        "units of the base model's hidden layers; --over depth uses the first for every layer, --over width "
        "uses the number of layers",
        "64,64; --over width: 64"},
       {"seeds", "N", "base models and batches per value and data set; 1 .. 10000", "8"},
       {"draws", "N", "draws of labels per seed and evaluation step; 1 .. 10000", "5"},
       {"permutation", "N", "show the inputs in random order number N; 0: unchanged; 0 .. 1000000", "0"},
       {"threads", "N", "threads; 0: all cores; 0 .. 4096", "0"},
       {"memory", "BYTES",
        "budget for base models and their steps; fewer then run at the same time, and a value of which none "
        "fits is left out: 512MiB, 2GB, ...",
        "none"},
       {"seed", "N", "of all draws; 0 .. 9223372036854775807", "0"},
       {"raw", "", "use theta itself, not its moving average"},
       {"json", "", "print JSON"}},
      "",
      "Exit code 129, 130 or 143: stopped by a signal; finished values are kept. A value that cannot be "
      "evaluated "
      "(labels: too few examples) is left out with a note; if none can be evaluated, that is the error."};
  add_key_options(usage, "as in training");
  return usage;
}

std::string checksum(const std::vector<float>& values) {
  return fmt::format("{:016x}", XXH3_64bits(values.data(), values.size() * sizeof(float)));
}

/// All that a number depends on, in addition to the value, the data set and (over updates) theta.
Json protocol_of(const Axis& axis, const TrainedTheta& theta, const FewShotSetup& common) {
  const auto& o = common.options;
  Json protocol = {{"theta",
                    {{"label", theta.label},
                     {"update", theta.update},
                     {"rule", theta.config.rule.rule},
                     {"checksum", checksum(theta.theta)}}},
                   {"steps", o.steps},
                   {"layers", o.hidden},
                   {"seeds", o.seeds},
                   {"draws", o.draws},
                   {"seed", o.seed},
                   {"permutation", o.permutation}};
  for (const metalearn::ConfigKey& key : metalearn::keys_where(&metalearn::ConfigKey::is_free))
    protocol[key.name] = key.text(theta.config);
  protocol.erase(axis.option);
  if (axis.layers == CommonLayers::first) protocol["layers"] = {o.hidden.front()};
  if (axis.layers == CommonLayers::number) protocol["layers"] = o.hidden.size();
  if (axis.of_snapshots) protocol["theta"] = {{"label", theta.label}, {"rule", theta.config.rule.rule}};
  return protocol;
}

struct Request {
  const TrainedTheta& theta;
  std::string run;  ///< directory that theta is from; over updates, of all snapshots
  bool raw = false;
  const Datasets& sets;
  FewShotSetup common;
  std::string out;
  const Arguments& arguments;
};

/// One evaluation, and the places of its rows.
struct Cell {
  std::vector<float> theta;
  std::vector<SweepPlace> places = {};
};

Cell make_cell(const SweepAxis& axis, std::size_t index, const metalearn::Dataset& set,
               const Request& request) {
  Cell cell{request.theta.theta};
  const bool is_update = axis.axis->of_snapshots;
  if (is_update)
    cell.theta =
        load_theta(checkpoints::snapshot_path(request.run, std::stoll(axis.values[index])), request.raw)
            .theta;
  for (const auto& value : axis.axis->one_evaluation ? axis.values : std::vector{axis.values[index]})
    cell.places.push_back({set.name, fingerprint(set), value, is_update ? checksum(cell.theta) : ""});
  return cell;
}

struct Sweep {
  SweepFile file;
  std::vector<SweepPlace> asked = {};      ///< of all cells so far
  std::vector<std::string> left_out = {};  ///< values that could not be evaluated, and why
};

/// Throws UsageError or BadData if the file cannot be continued, before anything is evaluated.
SweepFile open_file(const SweepAxis& axis, const Request& request) {
  SweepFile file(request.out, *axis.axis, protocol_of(*axis.axis, request.theta, request.common),
                 request.arguments);
  for (const auto& set : request.sets) file.require_source(set->name, fingerprint(*set));
  return file;
}

Sweep run_sweep(const SweepAxis& axis, const Request& request, std::optional<checkpoints::Error>& failure) {
  Sweep sweep{open_file(axis, request)};
  ProgressLine line;
  for (const auto& set : request.sets)
    for (std::size_t i = 0; i < sweep_cells(axis); ++i) {
      const std::string what = axis.axis->one_evaluation
                                   ? set->name
                                   : fmt::format("{}, {} {}", set->name, axis.axis->name, axis.values[i]);
      std::vector<std::pair<SweepPlace, FewShotRow>> found;
      try {
        const Cell cell = make_cell(axis, i, *set, request);
        sweep.asked.insert(sweep.asked.end(), cell.places.begin(), cell.places.end());
        if (std::all_of(cell.places.begin(), cell.places.end(),
                        [&](const SweepPlace& p) { return sweep.file.has(p); }))
          continue;
        line.status(what);
        const FewShotSetup e = sweep_cell(axis, i, request.common);
        const auto rows = metalearn::few_shot(e.rule, cell.theta, set, e.task, e.options);
        if (rows.empty()) return sweep;  // stopped
        for (const auto& row : rows)
          found.push_back(
              {{set->name, cell.places.front().source, sweep_value(axis, i, row), cell.places.front().theta},
               row});
      } catch (const checkpoints::IoError&) {
        throw;
      } catch (const checkpoints::Error& error) {  // only this value fails: the others can still be evaluated
        if (!failure) failure = error;
        sweep.left_out.push_back(fmt::format("{}: {}", what, error.what()));
        continue;
      }
      sweep.file.keep(found);
    }
  sweep.file.mend();
  return sweep;
}

bool is_asked(const SweepAxis& axis, const Sweep& sweep, const Json& row) {
  return std::any_of(sweep.asked.begin(), sweep.asked.end(), [&](const SweepPlace& p) {
    return row["data"] == p.data &&
           (row["value"] == p.value || (axis.axis->one_evaluation && row["step"] == 0));
  });
}

std::string show(const Json& mean, const Json& error, const char* format) {
  if (mean.is_null()) return "";
  return plus_minus(mean.get<double>(), error.is_null() ? std::nan("") : error.get<double>(), format);
}

void print_table(const SweepAxis& axis, const std::vector<Json>& rows) {
  std::size_t width = 4;
  for (const auto& row : rows) width = std::max(width, row["data"].get<std::string>().size());
  const auto place = [&](const std::string& value, const std::string& step) {
    return (axis.axis->one_evaluation ? "" : fmt::format("{:>11}", value)) + fmt::format("{:>7}", step);
  };
  say("{:<{}}  {}{:>20}{:>21}{:>7}{:>11}\n", "data", width, place(axis.axis->name, "step"), "accuracy",
      "gain, paired", "seeds", "ms/step");
  for (const auto& row : rows)
    say("{:<{}}  {}{:>20}{:>21}{:>7}{:>11}\n", row["data"].get<std::string>(), width,
        place(row["value"].get<std::string>(), std::to_string(row["step"].get<std::int64_t>())),
        show(row["accuracy_mean"], row["accuracy_se"], "{:.4f}"),
        row["step"] == 0 ? "" : show(row["gain_mean"], row["gain_se"], "{:+.4f}"),
        row["seeds"].get<std::int64_t>(),
        row["seconds_per_step"].is_null()
            ? ""
            : fmt::format("{:.2f}", 1000 * row["seconds_per_step"].get<double>()));
}

/// Refuses options that contradict what is varied.
FewShotSetup common_of(const SweepAxis& axis, const Arguments& arguments, const TrainedTheta& theta,
                       const std::string& out) {
  if (const std::string option = axis.axis->option; arguments.has(option))
    throw UsageError(fmt::format("--{} has no effect with --over {}, which varies it; leave it out", option,
                                 axis.axis->name));
  Arguments words = arguments;
  if (axis.axis->layers == CommonLayers::number && !arguments.has("layers"))
    words.given.emplace_back("layers", "64");
  FewShotSetup e{theta.config.rule, theta.config.task,
                 few_shot_options(words, theta.config, theta.mark ? "0" : "0,10,100", 8)};
  if (theta.mark && !arguments.has("steps")) insert_mark(e.options.steps, *theta.mark);
  if (axis.axis->one_evaluation) e.options.steps = {0};
  if (axis.axis->of_snapshots &&
      !arguments.has("steps"))  // training further may change the chosen evaluation step, and the existing
                                // file could not be continued
    if (const auto marks = SweepFile::marks_in(out, *axis.axis, arguments.has("force")); !marks.empty())
      e.options.steps = marks;
  e.options.stop = [] { return stop_signal() != 0; };
  return e;
}

/// The run that --theta names; empty if it names none.
std::string run_of(const Arguments& arguments) {
  const std::string theta = arguments.find("theta").value_or("");
  return std::filesystem::is_directory(theta) ? theta : "";
}

std::string folder_of(const Arguments& arguments) {
  if (const auto out = arguments.find("out"); out && !out->empty()) return *out;
  if (run_of(arguments).empty())
    throw UsageError(
        "no folder for the results; give --out DIR (default if --theta is a run directory: its evaluations)");
  return run_of(arguments) + "/evaluations";
}

SweepAxis axis_of(const std::string& text, const std::string& run) {
  const Axis* axis = metalearn::find_axis(text.substr(0, text.find('=')));
  if (!axis || !axis->of_snapshots) return metalearn::sweep_axis_from(text);
  if (run.empty())
    throw UsageError(fmt::format("--over {} evaluates the snapshots of a run; give --theta RUN", axis->name));
  std::vector<std::int64_t> updates;
  for (const auto& snapshot : checkpoints::list_snapshots(run)) updates.push_back(snapshot.update);
  return metalearn::sweep_axis_from(text, updates);
}

int run(const Words& words) {
  const auto arguments = parse(make_usage(), words);
  if (!arguments) return 0;
  std::vector<SweepAxis> axes;
  for (const auto& text : arguments->all("over")) axes.push_back(axis_of(text, run_of(*arguments)));
  if (axes.empty())
    throw UsageError(fmt::format("nothing to vary; give --over AXIS=VALUES (allowed AXIS: {})",
                                 fmt::join(metalearn::axis_names(), ", ")));
  if (!arguments->has("data")) throw UsageError("no data to evaluate on; give --data NAME=DIR");
  const auto theta_word = arguments->find("theta");
  TrainedTheta theta =
      theta_word ? load_theta(*theta_word, arguments->has("raw")) : kept_theta(arguments->has("raw"));
  apply_keys(*arguments, theta);
  const std::string out = folder_of(*arguments);
  std::vector<FewShotSetup> commons;
  for (const auto& axis : axes) commons.push_back(common_of(axis, *arguments, theta, out));
  const Datasets sets = load_sets(arguments->all("data"), theta.config);
  note_overlap(theta, sets, "");

  const auto request = [&](std::size_t i) {
    return Request{theta, run_of(*arguments), arguments->has("raw"), sets, commons[i], out, *arguments};
  };
  for (std::size_t i = 0; i < axes.size(); ++i) open_file(axes[i], request(i));
  watch_signals();
  if (!arguments->has("json"))
    say("theta: {}\n       {} of update {}\n", theta.file, theta.label, theta.update);
  std::optional<checkpoints::Error> failure;
  bool any = false;
  Json all = Json::array();
  for (std::size_t i = 0; i < axes.size() && stop_signal() == 0; ++i) {
    const Sweep done = run_sweep(axes[i], request(i), failure);
    std::vector<Json> rows;
    for (const auto& row : done.file.rows())
      if (is_asked(axes[i], done, row)) rows.push_back(row);
    any = any || !rows.empty();
    for (const auto& why : done.left_out) say(stderr, "note: left out: {}\n", why);
    if (arguments->has("json")) {
      Json json = done.file.json();
      json["results"] = rows;
      json["left_out"] = done.left_out;
      all.push_back(json);
    } else if (!rows.empty()) {
      say("\n");
      print_table(axes[i], rows);
      if (std::any_of(rows.begin(), rows.end(),
                      [](const Json& row) { return !row["accuracy_se"].is_null(); }))
        print_what_errors_are("seeds");
      say("kept: {}, {}\n", done.file.json_path(), done.file.csv_path());
      flush_words();  // the next axis may take hours
    }
  }
  if (arguments->has("json")) print_json(all.size() == 1 ? all[0] : all);
  if (stop_signal() != 0) {
    say(stderr, "stopped; run the same command again to resume\n");
    return 128 + stop_signal();
  }
  if (!any && failure) throw *failure;
  return 0;
}

}  // namespace

extern const Command kSweep{
    "sweep", "an evaluation with one setting varied: depth, width, activation, labels, steps, permutation",
    make_usage, run};

}  // namespace tools
