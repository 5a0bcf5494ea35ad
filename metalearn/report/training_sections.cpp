// The sections that metrics.csv and evaluations.csv are shown in.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "metalearn/report/rolling.hpp"
#include "metalearn/report/sections.hpp"
#include "metalearn/report/text.hpp"

namespace metalearn::report {
namespace {

constexpr const char* kUpdates = "updates of theta";
constexpr int kTotal = 6;  // black: what stands beside the families

/// A column's rolling mean.
Curve rolling(const MetricsColumns& m, const std::string& column, std::string title, int style, bool dashed = false) {
  const auto means = rolling_mean(m.at(column), rolling_window(m.rows()));
  return {.title = std::move(title), .points = thinned(m.at("update"), means), .style = style, .dashed = dashed, .markers = false};
}

/// A column's cells that are not empty.
Curve cells(const MetricsColumns& m, const std::string& column, std::string title, int style) {
  Curve c{.title = std::move(title), .points = {}, .style = style};
  for (std::size_t i = 0; i < m.rows(); ++i)
    if (std::isfinite(m.at(column)[i])) c.points.push_back({m.at("update")[i], m.at(column)[i]});
  return c;
}

std::string averaged(const MetricsColumns& m) { return fmt::format("Mean of the last {} updates.", rolling_window(m.rows())); }

Figure over_updates(std::string id, std::string title, std::string y_label, std::string caption, std::vector<Curve> curves) {
  return {.id = std::move(id), .title = std::move(title), .caption = std::move(caption), .x_label = kUpdates, .y_label = std::move(y_label), .curves = std::move(curves)};
}

std::vector<Curve> by_family(const MetricsColumns& m, const std::string& column) {
  std::vector<Curve> curves;
  for (const auto& family : m.suffixes(column + ".")) curves.push_back(rolling(m, column + "." + family, family, static_cast<int>(curves.size())));
  return curves;
}

/// The mark at which test curves are drawn: what meta-validation chose, or else the longest.
double drawn_mark(const RunFiles& run, const std::set<double>& marks) {
  if (run.theta && run.theta->mark && marks.contains(static_cast<double>(*run.theta->mark))) return static_cast<double>(*run.theta->mark);
  return marks.empty() ? 0 : *marks.rbegin();
}

struct DuringFigure {
  const char *id, *title, *y_label;
  Measured Score::*what;
  bool with_training;
};

Figure during_figure(const RunFiles& run, const DuringFigure& shown) {
  std::vector<std::string> names;
  std::set<double> marks;
  for (const Score& s : run.during->scores) {
    marks.insert(s.step);
    if (std::find(names.begin(), names.end(), s.data) == names.end()) names.push_back(s.data);
  }
  const double mark = drawn_mark(run, marks);
  Figure f = over_updates(shown.id, fmt::format("{}, {:g} inner steps", shown.title, mark), shown.y_label,
                          fmt::format("Dashed: random initialisation, the same base models. Bars or bands: 95 % intervals over seeds.{}",
                                      shown.with_training ? " Black: the training curve of the figure above." : ""),
                          {});
  for (std::size_t i = 0; i < names.size(); ++i)
    for (const double step : {mark, 0.0}) {
      if (step == 0 && (mark == 0 || !marks.contains(0))) continue;
      Curve c{.title = step == mark ? names[i] : "", .points = {}, .style = static_cast<int>(i % kTotal), .dashed = step != mark, .markers = step == mark};
      for (const Score& s : run.during->scores)
        if (s.data == names[i] && s.step == step) c.points.push_back({s.update, (s.*shown.what).mean, step == mark ? (s.*shown.what).half : kNone});
      f.curves.push_back(std::move(c));
    }
  if (shown.with_training && run.metrics.rows() > 0) f.curves.push_back(rolling(run.metrics, "objective_last", "training", kTotal));
  f.shares = shown.what == &Score::accuracy;
  if (f.curves.empty()) f.id.clear();
  return f;
}

}  // namespace

Section curves_section(const RunFiles& run) {
  Section s{"curves", "Training and test curves",
            "How the meta-objective (1 less the cosine similarity of predicted and true labels; less is better) and few-shot accuracy change while theta is trained."};
  s.problems = run.metrics_problems;
  s.problems.insert(s.problems.end(), run.during_problems.begin(), run.during_problems.end());
  const MetricsColumns& m = run.metrics;
  const std::string again = run.config ? "metalearn train --run " + shell_word(run.directory + "-again") + " " + train_options(*run.config) : "metalearn train --help";
  if (m.rows() == 0) {
    s.missing.push_back({"There are no rows in metrics.csv yet: no update of theta is done.", "metalearn resume " + shell_word(run.directory)});
  } else {
    s.figures.push_back(over_updates("objective", "Meta-objective of the training windows", "meta-objective", "All families, widths, depths and ages together. " + averaged(m),
                                     {rolling(m, "objective_last", "after the last inner step of a window", 0), rolling(m, "objective_first", "after its first inner step", 1)}));
    s.figures.push_back(over_updates("objective-families", "Meta-objective by family of tasks", "meta-objective", "After the last inner step of a window. " + averaged(m),
                                     by_family(m, "objective_last")));
    std::vector<Curve> objective, accuracy;
    for (const auto& mark : m.suffixes("validation_accuracy.")) {
      const int style = static_cast<int>(accuracy.size());
      accuracy.push_back(cells(m, "validation_accuracy." + mark, mark == "0" ? "0 (random initialisation)" : mark, style));
      objective.push_back(cells(m, "validation_objective." + mark, accuracy.back().title, style));
      accuracy.back().dashed = objective.back().dashed = mark == "0";
    }
    if (std::any_of(accuracy.begin(), accuracy.end(), [](const Curve& c) { return !c.points.empty(); })) {
      const std::string caption =
          "Tasks of classes and fonts that are held out of the training, by inner steps done. They choose the snapshot and the number of steps. (metrics.csv keeps their mean "
          "alone.)";
      s.figures.push_back(over_updates("validation-accuracy", "Few-shot accuracy, meta-validation", "accuracy", caption, accuracy));
      s.figures.back().shares = true;
      s.figures.push_back(over_updates("validation-objective", "Meta-objective, meta-validation", "meta-objective", caption, objective));
    } else if (run.config && run.config->validate_every == 0) {
      s.missing.push_back({"Nothing was evaluated on meta-validation tasks (validate-every is 0). A run that does so:", again + " --validate-every 50"});
    } else {
      s.missing.push_back({"No evaluation on meta-validation tasks is done yet. This goes on with the run:", "metalearn resume " + shell_word(run.directory)});
    }
  }
  if (run.during && !run.during->scores.empty()) {
    for (const DuringFigure& shown : {DuringFigure{"test-objective", "Meta-objective on test data", "meta-objective", &Score::objective, true},
                                      {"test-accuracy", "Few-shot accuracy on test data", "accuracy", &Score::accuracy, false}})
      if (Figure f = during_figure(run, shown); !f.id.empty()) s.figures.push_back(std::move(f));
  }
  if (const auto snapshots = run.sweeps.find(kUpdateAxis); snapshots != run.sweeps.end() && !snapshots->second.scores.empty()) {
    s.figures.push_back(sweep_figure(snapshots->second, kUpdateAxis));
  } else if (!run.during && run.during_problems.empty()) {
    s.missing.push_back({fmt::format("No data sets were evaluated while theta was trained (there is no evaluations.csv). A training does so with --eval-data NAME=DIR. This evaluates the snapshots that were kept{}:", kOwnData),
                         fmt::format("metalearn sweep --theta {} --over update=all {}", shell_word(run.directory), data_options(run))});
  }
  return s;
}

Section training_section(const RunFiles& run) {
  Section s{"training", "Tasks and gradients",
            "What the training did, update by update: how old the tasks in flight are, how large the gradients of each family, how many tasks ended or had to be given up."};
  const MetricsColumns& m = run.metrics;
  if (m.rows() == 0) {
    s.problems = run.metrics_problems;
    s.missing.push_back({"There are no rows in metrics.csv yet.", "metalearn resume " + shell_word(run.directory)});
    return s;
  }
  s.figures.push_back(over_updates("ages", "Age of the tasks in flight", "inner steps", "Inner steps that the tasks in flight have behind them. " + averaged(m),
                                   {rolling(m, "mean_age", "mean age", 0), rolling(m, "length_limit", "greatest length of a new task", 1)}));
  auto norms = by_family(m, "gradient_norm");
  norms.push_back(rolling(m, "gradient_norm", "averaged gradient", kTotal));
  s.figures.push_back(
      over_updates("gradients", "Gradient norms", "Euclidean norm", "Of the tasks' gradients before clipping, by family; of their average. " + averaged(m), std::move(norms)));
  s.figures.back().log_y = true;
  s.figures.push_back(over_updates("tasks", "Tasks that ended", "tasks per update", "Replaced: reached their length. Dropped: no longer finite. " + averaged(m),
                                   {rolling(m, "replaced", "replaced", 0), rolling(m, "dropped", "dropped", 1)}));
  Figure rate = over_updates("rate", "Clipping and learning rate", "share of windows clipped", "Windows whose gradient was longer than clip-task; Adam's rate. " + averaged(m),
                             {rolling(m, "clipped_share", "clipped (left axis)", 0), rolling(m, "rate", "learning rate (right axis)", 1)});
  rate.right_label = "learning rate";
  rate.curves.back().right = true;
  s.figures.push_back(std::move(rate));
  return s;
}

}  // namespace metalearn::report
