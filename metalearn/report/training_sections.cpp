// The sections that show metrics.csv and evaluations.csv.
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
constexpr int kTotal = 6;  // black: curves other than families

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

/// A column that is not a measurement, not averaged.
Curve exact(const MetricsColumns& m, const std::string& column, std::string title, int style) {
  return {.title = std::move(title),
          .points = thinned(m.at("update"), m.at(column)),
          .style = style,
          .markers = false};
}

/// The non-empty cells of a column.
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

/// The evaluation step of a test curve: among those measured most often, the one that meta-validation chose,
/// or else the largest. marks: how often each was measured.
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

/// The training curve, with a point also at each of these updates.
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

/// Evaluation steps and seeds may change when a run is resumed, and may differ between data sets: each set is
/// drawn at one of its own evaluation steps.
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
      "Dashed: random initialisation of the same base models. Bars (drawn side by side at the same position) "
      "or bands: 95 % intervals over seeds ({}).",
      fmt::join(seeds, " or "));
  if (shown.with_training) f.caption += " Black: the training curve of the figure above.";
  if (!others.empty())
    f.caption += fmt::format(" Not drawn: evaluations after {} steps, which are in evaluations.csv.",
                             fmt::join(others, ", "));
  if (shown.with_training && run.metrics.rows() > 0) f.curves.push_back(training_curve(run.metrics, updates));
  f.shares = shown.what == &Score::accuracy;
  return f;
}

/// For an empty metrics.csv. Lost rows cannot be recovered, and a problem reports them.
Command no_rows(const RunFiles& run) {
  if (run.update > 0 || !run.metrics_problems.empty())
    return {"metrics.csv has no readable rows. This command checks the run:",
            "metalearn verify " + shell_word(run.directory)};
  return {"metrics.csv has no rows yet: no update of theta is done. This command resumes the run:",
          "metalearn resume " + shell_word(run.directory)};
}

/// The command for a training like this one with a changed configuration.
std::string again(const RunFiles& run, const std::function<void(Config&)>& change) {
  if (!run.config) return "metalearn train --help";
  Config c = *run.config;
  change(c);
  return "metalearn train --run " + shell_word(run.beside + "-validated") + " " + train_options(c);
}

/// The command that resumes up to the next validation.
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
            "The meta-objective (1 minus the cosine similarity of predicted and true labels; lower is "
            "better) and few-shot accuracy during training of theta."};
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
          "Tasks held out of training, by inner steps done. They choose the snapshot and the number of "
          "steps. (metrics.csv keeps only their mean.)";
      s.figures.push_back(over_updates("validation-accuracy", "Few-shot accuracy, meta-validation",
                                       "accuracy", caption, accuracy));
      s.figures.back().shares = true;
      s.figures.push_back(over_updates("validation-objective", "Meta-objective, meta-validation",
                                       "meta-objective", caption, objective));
    } else if (run.config && run.config->validate_every == 0) {
      s.missing.push_back(
          {"Nothing was evaluated on meta-validation tasks (validate-every is 0). This command starts a run "
           "that does so:",
           again(run, [](Config& c) { c.validate_every = std::min<std::int64_t>(50, c.updates); })});
    } else {
      s.missing.push_back(
          {"There is no evaluation on meta-validation tasks yet. This command resumes the run:",
           resume(run)});
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
    s.missing.push_back({fmt::format("There is no evaluation on data sets during training (evaluations.csv "
                                     "has none that can be read). --eval-data NAME=DIR turns it on. This "
                                     "command evaluates the snapshots that were kept{}:",
                                     kOwnData),
                         fmt::format("metalearn sweep --theta {} --over {}={} {}", shell_word(run.directory),
                                     axis.name, axis.example, data_options(run))});
  }
  return s;
}

Section training_section(const RunFiles& run) {
  Section s{"training", "Tasks and gradients",
            "The training, update by update: ages of the in-flight tasks, gradient norms of each family, "
            "tasks that finished or were dropped."};
  const MetricsColumns& m = run.metrics;
  if (m.rows() == 0) {
    s.problems = run.metrics_problems;
    s.missing.push_back(no_rows(run));
    return s;
  }
  s.figures.push_back(over_updates(
      "ages", "Age of the in-flight tasks", "inner steps",
      "Inner steps that the in-flight tasks have done. " + averaged(m),
      {rolling(m, "mean_age", "mean age", 0), exact(m, "length_limit", "greatest length of a new task", 1)}));
  auto norms = by_family(m, "gradient_norm");
  norms.push_back(rolling(m, "gradient_norm", "averaged gradient", kTotal));
  s.figures.push_back(
      over_updates("gradients", "Gradient norms", "Euclidean norm",
                   "Gradients of the tasks before clipping, by family, and their average. " + averaged(m),
                   std::move(norms)));
  s.figures.back().log_y = true;
  s.figures.push_back(
      over_updates("tasks", "Tasks that ended", "tasks per update",
                   "Replaced: reached their length. Dropped: no longer finite. " + averaged(m),
                   {rolling(m, "replaced", "replaced", 0), rolling(m, "dropped", "dropped", 1)}));
  Figure rate =
      over_updates("rate", "Clipping and learning rate", "share of windows clipped",
                   "Windows whose gradient norm exceeded clip-task; learning rate of Adam. " + averaged(m),
                   {rolling(m, "clipped_share", "clipped (left axis)", 0),
                    exact(m, "rate", "learning rate (right axis)", 1)});
  rate.right_label = "learning rate";
  rate.curves.back().right = true;
  s.figures.push_back(std::move(rate));
  return s;
}

}  // namespace metalearn::report
