// The sections that metrics.csv and evaluations.csv are shown in.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "metalearn/report/rolling.hpp"
#include "metalearn/report/sections.hpp"
#include "metalearn/report/text.hpp"

namespace metalearn::report {
namespace {

constexpr const char* kUpdates = "updates of theta";
constexpr int kTotal = 6;  // black: what stands beside the families

/// A column's rolling mean.
Curve rolling(const MetricsColumns& m, const std::string& column, std::string title, int style,
              bool dashed = false) {
  const auto means = rolling_mean(m.at(column), rolling_window(m.rows()));
  return {.title = std::move(title),
          .points = thinned(m.at("update"), means),
          .style = style,
          .dashed = dashed,
          .markers = false};
}

/// A column that is no measurement, as it is.
Curve exact(const MetricsColumns& m, const std::string& column, std::string title, int style) {
  return {.title = std::move(title),
          .points = thinned(m.at("update"), m.at(column)),
          .style = style,
          .markers = false};
}

/// A column's cells that are not empty.
Curve cells(const MetricsColumns& m, const std::string& column, std::string title, int style) {
  Curve c{.title = std::move(title), .points = {}, .style = style};
  for (std::size_t i = 0; i < m.rows(); ++i)
    if (std::isfinite(m.at(column)[i])) c.points.push_back({m.at("update")[i], m.at(column)[i]});
  return c;
}

std::string averaged(const MetricsColumns& m) {
  return fmt::format("Mean of the last {} updates.", rolling_window(m.rows()));
}

Figure over_updates(std::string id, std::string title, std::string y_label, std::string caption,
                    std::vector<Curve> curves) {
  return {.id = std::move(id),
          .title = std::move(title),
          .caption = std::move(caption),
          .x_label = kUpdates,
          .y_label = std::move(y_label),
          .curves = std::move(curves)};
}

std::vector<Curve> by_family(const MetricsColumns& m, const std::string& column) {
  std::vector<Curve> curves;
  for (const auto& family : m.suffixes(column + "."))
    curves.push_back(rolling(m, column + "." + family, family, static_cast<int>(curves.size())));
  return curves;
}

struct DuringFigure {
  const char *id, *title, *y_label;
  Measured Score::*what;
  bool with_training;
};

/// The mark at which a test curve is drawn: of those measured most often what meta-validation chose, or else
/// the longest. marks: how often each was.
double drawn_mark(const RunFiles& run, const std::map<double, int>& marks) {
  int most = 0;
  double mark = 0;
  for (const auto& [step, times] : marks)
    if (step > 0 && times >= most) most = times, mark = step;
  if (run.theta && run.theta->mark)
    if (const auto chosen = marks.find(static_cast<double>(*run.theta->mark));
        chosen != marks.end() && chosen->second == most)
      return chosen->first;
  return mark;
}

/// The training curve, with a point at each of these updates too.
Curve training_curve(const MetricsColumns& m, const std::set<double>& updates) {
  const auto means = rolling_mean(m.at("objective_last"), rolling_window(m.rows()));
  Curve c = rolling(m, "objective_last", "training", kTotal);
  for (std::size_t i = 0; i < m.rows(); ++i)
    if (updates.contains(m.at("update")[i])) c.points.push_back({m.at("update")[i], means[i]});
  const auto by_update = [](const Point& a, const Point& b) { return a.x < b.x; };
  std::stable_sort(c.points.begin(), c.points.end(), by_update);
  c.points.erase(std::unique(c.points.begin(), c.points.end(),
                             [](const Point& a, const Point& b) { return a.x == b.x; }),
                 c.points.end());
  return c;
}

/// Marks and seeds may change when a run is resumed, and may differ between data sets: each is drawn at one
/// of its own marks.
Figure during_figure(const RunFiles& run, const DuringFigure& shown) {
  std::vector<std::string> names;
  std::map<std::string, std::map<double, int>> marks;
  std::map<double, int> all;
  std::set<double> updates, seeds;
  for (const Score& s : run.during->scores) {
    if (!marks.contains(s.data)) names.push_back(s.data);
    ++marks[s.data][s.step], ++all[s.step];
    updates.insert(s.update);
    if (std::isfinite(s.seeds)) seeds.insert(s.seeds);
  }
  const double common = drawn_mark(run, all);
  std::set<double> others;
  for (const auto& [step, times] : all) others.insert(step);
  Figure f =
      over_updates(shown.id, fmt::format("{}, {:g} inner steps", shown.title, common), shown.y_label, "", {});
  for (std::size_t i = 0; i < names.size(); ++i) {
    const double mark = drawn_mark(run, marks[names[i]]);
    const std::string name = mark == common ? names[i] : fmt::format("{}, {:g} steps", names[i], mark);
    for (const double step : {mark, 0.0}) {
      if (step == 0 && (mark == 0 || !marks[names[i]].contains(0))) continue;
      Curve c{.title = step == mark ? name : names[i] + ", random initialisation",
              .points = {},
              .style = static_cast<int>(i % kTotal),
              .dashed = step != mark,
              .markers = step == mark,
              .in_legend = step == mark};
      for (const Score& s : run.during->scores)
        if (s.data == names[i] && s.step == step)
          c.points.push_back({s.update, (s.*shown.what).mean, step == mark ? (s.*shown.what).half : kNone});
      f.curves.push_back(std::move(c));
      others.erase(step);
    }
  }
  f.caption = fmt::format(
      "Dashed: random initialisation, the same base models. Bars (side by side where they stand at one "
      "place) or bands: 95 % intervals over seeds ({}).",
      fmt::join(seeds, " or "));
  if (shown.with_training) f.caption += " Black: the training curve of the figure above.";
  if (!others.empty())
    f.caption += fmt::format(" Not drawn: what was measured after {} steps, which evaluations.csv has too.",
                             fmt::join(others, ", "));
  if (shown.with_training && run.metrics.rows() > 0) f.curves.push_back(training_curve(run.metrics, updates));
  f.shares = shown.what == &Score::accuracy;
  return f;
}

/// Of metrics.csv. What it held once can't be had back, and a problem says so.
Command no_rows(const RunFiles& run) {
  if (run.update > 0 || !run.metrics_problems.empty())
    return {"There are no rows in metrics.csv that can be shown. This tells what is whole of the run:",
            "metalearn verify " + shell_word(run.directory)};
  return {"There are no rows in metrics.csv yet: no update of theta is done.",
          "metalearn resume " + shell_word(run.directory)};
}

/// For a training like this one with something else in its configuration.
std::string again(const RunFiles& run, const std::function<void(Config&)>& change) {
  if (!run.config) return "metalearn train --help";
  Config c = *run.config;
  change(c);
  return "metalearn train --run " + shell_word(run.beside + "-validated") + " " + train_options(c);
}

/// That goes on as far as the next validation.
std::string resume(const RunFiles& run) {
  std::string line = "metalearn resume " + shell_word(run.directory);
  if (!run.config || run.config->validate_every == 0) return line;
  const std::int64_t next = (run.update / run.config->validate_every + 1) * run.config->validate_every;
  if (next > run.config->updates) line += fmt::format(" --updates {}", next);
  return line;
}

}  // namespace

Section curves_section(const RunFiles& run) {
  Section s{"curves", "Training and test curves",
            "How the meta-objective (1 less the cosine similarity of predicted and true labels; less is "
            "better) and few-shot accuracy change while theta is trained."};
  s.problems = run.metrics_problems;
  s.problems.insert(s.problems.end(), run.during_problems.begin(), run.during_problems.end());
  const MetricsColumns& m = run.metrics;
  if (m.rows() == 0) {
    s.missing.push_back(no_rows(run));
  } else {
    s.figures.push_back(
        over_updates("objective", "Meta-objective of the training windows", "meta-objective",
                     "All families, widths, depths and ages together. " + averaged(m),
                     {rolling(m, "objective_last", "after the last inner step of a window", 0),
                      rolling(m, "objective_first", "after its first inner step", 1)}));
    s.figures.push_back(over_updates(
        "objective-families", "Meta-objective by family of tasks", "meta-objective",
        "After the last inner step of a window. " + averaged(m), by_family(m, "objective_last")));
    std::vector<Curve> objective, accuracy;
    for (const auto& mark : m.suffixes("validation_accuracy.")) {
      const int style = static_cast<int>(accuracy.size());
      accuracy.push_back(cells(m, "validation_accuracy." + mark,
                               mark == "0" ? "random initialisation" : mark + " steps", style));
      objective.push_back(cells(m, "validation_objective." + mark, accuracy.back().title, style));
      accuracy.back().dashed = objective.back().dashed = mark == "0";
    }
    if (std::any_of(accuracy.begin(), accuracy.end(), [](const Curve& c) { return !c.points.empty(); })) {
      const std::string caption =
          "Tasks that are held out of the training, by inner steps done. They choose the snapshot and the "
          "number of steps. (metrics.csv keeps their mean alone.)";
      s.figures.push_back(over_updates("validation-accuracy", "Few-shot accuracy, meta-validation",
                                       "accuracy", caption, accuracy));
      s.figures.back().shares = true;
      s.figures.push_back(over_updates("validation-objective", "Meta-objective, meta-validation",
                                       "meta-objective", caption, objective));
    } else if (run.config && run.config->validate_every == 0) {
      s.missing.push_back(
          {"Nothing was evaluated on meta-validation tasks (validate-every is 0). A run that does so:",
           again(run, [](Config& c) { c.validate_every = std::min<std::int64_t>(50, c.updates); })});
    } else {
      s.missing.push_back(
          {"No evaluation on meta-validation tasks is done yet. This goes on with the run:", resume(run)});
    }
  }
  if (run.during && !run.during->scores.empty()) {
    for (const DuringFigure& shown :
         {DuringFigure{"test-objective", "Meta-objective on test data", "meta-objective", &Score::objective,
                       true},
          {"test-accuracy", "Few-shot accuracy on test data", "accuracy", &Score::accuracy, false}})
      s.figures.push_back(during_figure(run, shown));
  }
  const Axis& axis =
      *std::find_if(axes().begin(), axes().end(), [](const Axis& a) { return a.of_snapshots; });
  if (const auto snapshots = run.sweeps.find(axis.name);
      snapshots != run.sweeps.end() && !snapshots->second.scores.empty()) {
    s.figures.push_back(sweep_figure(snapshots->second, axis));
  } else if (!run.during || run.during->scores.empty()) {
    s.missing.push_back({fmt::format("There is no evaluation on data sets while theta was trained "
                                     "(evaluations.csv has none that can be read). A training does so with "
                                     "--eval-data NAME=DIR. This evaluates the snapshots that were kept{}:",
                                     kOwnData),
                         fmt::format("metalearn sweep --theta {} --over {}={} {}", shell_word(run.directory),
                                     axis.name, axis.example, data_options(run))});
  }
  return s;
}

Section training_section(const RunFiles& run) {
  Section s{"training", "Tasks and gradients",
            "What the training did, update by update: how old the tasks in flight are, how large the "
            "gradients of each family, how many tasks ended or had to be given up."};
  const MetricsColumns& m = run.metrics;
  if (m.rows() == 0) {
    s.problems = run.metrics_problems;
    s.missing.push_back(no_rows(run));
    return s;
  }
  s.figures.push_back(over_updates(
      "ages", "Age of the tasks in flight", "inner steps",
      "Inner steps that the tasks in flight have behind them. " + averaged(m),
      {rolling(m, "mean_age", "mean age", 0), exact(m, "length_limit", "greatest length of a new task", 1)}));
  auto norms = by_family(m, "gradient_norm");
  norms.push_back(rolling(m, "gradient_norm", "averaged gradient", kTotal));
  s.figures.push_back(
      over_updates("gradients", "Gradient norms", "Euclidean norm",
                   "Of the tasks' gradients before clipping, by family; of their average. " + averaged(m),
                   std::move(norms)));
  s.figures.back().log_y = true;
  s.figures.push_back(
      over_updates("tasks", "Tasks that ended", "tasks per update",
                   "Replaced: reached their length. Dropped: no longer finite. " + averaged(m),
                   {rolling(m, "replaced", "replaced", 0), rolling(m, "dropped", "dropped", 1)}));
  Figure rate = over_updates("rate", "Clipping and learning rate", "share of windows clipped",
                             "Windows whose gradient was longer than clip-task; Adam's rate. " + averaged(m),
                             {rolling(m, "clipped_share", "clipped (left axis)", 0),
                              exact(m, "rate", "learning rate (right axis)", 1)});
  rate.right_label = "learning rate";
  rate.curves.back().right = true;
  s.figures.push_back(std::move(rate));
  return s;
}

}  // namespace metalearn::report
