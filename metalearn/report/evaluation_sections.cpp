// The sections that show evaluations: methods, sweeps, the autoencoder.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <string_view>

#include "metalearn/report/sections.hpp"
#include "metalearn/report/text.hpp"

namespace metalearn::report {
namespace {

constexpr const char* kAccuracy = "accuracy";

template <class Of>
std::vector<std::string> distinct(const Evaluation& e, Of of) {
  std::vector<std::string> found;
  for (const Score& s : e.scores)
    if (const std::string name = of(s); std::find(found.begin(), found.end(), name) == found.end())
      found.push_back(name);
  return found;
}

std::vector<std::string> data_of(const Evaluation& e) {
  return distinct(e, [](const Score& s) { return s.data; });
}

Command methods_command(const RunFiles& run, std::string what) {
  return {std::move(what),
          fmt::format("metalearn eval --theta {} --methods all {} --out {}", shell_word(run.directory),
                      data_options(run), shell_word(run.directory + "/evaluations/methods.json"))};
}

/// Name of a method's row, one per evaluation step.
std::string row_of(const Evaluation& e, const Score& s) {
  if (s.step == 0) return s.method;
  const auto chosen = e.chosen.find(s.method);
  return fmt::format("{}, {:g} steps{}", s.method, s.step,
                     chosen != e.chosen.end() && chosen->second == s.step ? " *" : "");
}

bool learns(const Evaluation& e, const std::string& method) {
  return std::any_of(e.scores.begin(), e.scores.end(),
                     [&](const Score& s) { return s.method == method && s.step > 0; });
}

Figure methods_figure(const Evaluation& e, const std::string& data, std::size_t number) {
  Figure f{.id = fmt::format("methods-{}", number),
           .title = "Few-shot accuracy on " + data,
           .caption = "Bars: 95 % intervals over seeds. " + e.protocol,
           .x_label = kAccuracy,
           .y_label = "method",
           .shares = true,
           .rows = true};
  const auto heads = distinct(e, [](const Score& s) { return s.head; });
  for (std::size_t h = 0; h < heads.size(); ++h)
    f.curves.push_back(
        {.title = "head: " + heads[h], .points = {}, .style = static_cast<int>(h), .joined = false});
  for (const Score& s : e.scores) {
    if (s.data != data || (s.step == 0 && learns(e, s.method)))
      continue;  // at step 0 a method equals `random`
    const std::string row = row_of(e, s);
    auto place = std::find(f.names.begin(), f.names.end(), row);
    if (place == f.names.end()) place = f.names.insert(place, row);
    const auto h = static_cast<std::size_t>(std::find(heads.begin(), heads.end(), s.head) - heads.begin());
    const double offset =
        heads.size() < 2 ? 0 : 0.5 * (static_cast<double>(h) / static_cast<double>(heads.size() - 1) - 0.5);
    f.curves[h].points.push_back(
        {s.accuracy.mean, static_cast<double>(place - f.names.begin()) + offset, s.accuracy.half});
  }
  f.height = 150 + 26 * static_cast<int>(f.names.size());
  return f;
}

constexpr std::string_view kCostAxis = "width";  // the axis that also shows the cost of a step

double value_of(const std::string& text) {
  double value = kNone;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : kNone;
}

/// Position of a score on the axis.
double place_of(const Figure& f, const Score& s) {
  if (f.names.empty()) return value_of(s.value);
  return static_cast<double>(std::find(f.names.begin(), f.names.end(), s.value) - f.names.begin());
}

/// The steps axis: step 0, which has no logarithm, becomes a horizontal line.
void make_level(Figure& f) {
  for (const Curve& c : std::vector<Curve>(f.curves)) {
    const auto start =
        std::find_if(c.points.begin(), c.points.end(), [](const Point& p) { return p.x == 0; });
    if (start == c.points.end()) continue;
    Curve& later = *std::find_if(f.curves.begin(), f.curves.end(),
                                 [&](const Curve& other) { return other.title == c.title; });
    std::erase_if(later.points, [](const Point& p) { return p.x == 0; });
    if (later.points.empty()) continue;
    f.curves.push_back({.title = c.title + ", random initialisation",
                        .points = {{later.points.front().x, start->y}, {later.points.back().x, start->y}},
                        .style = c.style,
                        .dashed = true,
                        .markers = false});
  }
}

}  // namespace

Figure sweep_figure(const Evaluation& e, const Axis& axis) {
  Figure f{
      .id = fmt::format("sweep-{}", axis.name),
      .title = fmt::format("{}: few-shot accuracy", axis.title),
      .caption = "Bars: 95 % intervals over seeds; points at the same position are drawn side by side. " +
                 e.protocol,
      .x_label = axis.label,
      .y_label = kAccuracy,
      .log_x = axis.log,
      .shares = true};
  if (axis.categories) f.names = distinct(e, [](const Score& s) { return s.value; });
  std::set<double> marks;
  for (const Score& s : e.scores)
    if (s.step > 0) marks.insert(s.step);
  int style = 0;
  for (const auto& data : data_of(e)) {
    if (axis.one_evaluation) marks = {-1};
    const int first = style;
    for (const double mark : marks) {
      Curve c{.title = axis.one_evaluation ? data : fmt::format("{}, {:g} steps", data, mark),
              .points = {},
              .style = style++,
              .joined = f.names.empty()};
      for (const Score& s : e.scores)
        if (s.data == data && (s.step == mark || axis.one_evaluation))
          c.points.push_back({place_of(f, s), s.accuracy.mean, s.accuracy.half});
      f.curves.push_back(std::move(c));
    }
    Curve start{.title = data + ", random initialisation",
                .points = {},
                .style = first,
                .dashed = true,
                .joined = f.names.empty()};
    for (const Score& s : e.scores)
      if (s.data == data && s.step == 0 && !axis.one_evaluation)
        start.points.push_back({place_of(f, s), s.accuracy.mean, s.accuracy.half});
    if (!start.points.empty()) f.curves.push_back(std::move(start));
  }
  if (axis.one_evaluation) make_level(f);
  // Points of several evaluation steps at one category would overlap.
  if (!f.names.empty())
    for (std::size_t i = 0; i < f.curves.size(); ++i)
      for (Point& p : f.curves[i].points)
        p.x += f.curves.size() < 2
                   ? 0
                   : 0.5 * (static_cast<double>(i) / static_cast<double>(f.curves.size() - 1) - 0.5);
  return f;
}

namespace {

/// Seconds of an inner step against width; empty if the sweep does not record them.
Figure cost_figure(const Evaluation& e) {
  Figure f{.id = "sweep-cost",
           .title = "Width: cost of an inner step",
           .caption =
               "Wall time of one inner step of one base model, on the machine of the sweep. Measured once "
               "each, so there are no intervals.",
           .x_label = "units of each hidden layer",
           .y_label = "seconds per inner step",
           .log_x = true,
           .log_y = true};
  for (const auto& data : data_of(e)) {
    std::map<double, double> seconds;
    for (const Score& s : e.scores)
      if (s.data == data && s.step > 0 && s.seconds_per_step > 0)
        seconds[value_of(s.value)] = s.seconds_per_step;
    Curve c{.title = data, .points = {}, .style = static_cast<int>(f.curves.size())};
    for (const auto& [width, cost] : seconds) c.points.push_back({width, cost});
    if (!c.points.empty()) f.curves.push_back(std::move(c));
  }
  return f;
}

}  // namespace

Section methods_section(const RunFiles& run) {
  Section s{"methods", "All methods on all data sets",
            "Accuracy of a linear head trained on a few labels, for each representation. All methods share "
            "the same draws of labels and the same base model. A star marks the number of steps that "
            "meta-validation chose."};
  s.problems = run.methods_problems;
  if (!run.methods || run.methods->scores.empty()) {
    s.missing.push_back(methods_command(
        run, fmt::format("There is no readable comparison of methods. This command makes one{}:", kOwnData)));
    return s;
  }
  for (const auto& data : data_of(*run.methods))
    s.figures.push_back(methods_figure(*run.methods, data, s.figures.size()));
  return s;
}

Section transfer_section(const RunFiles& run) {
  Section s{"transfer", "Generalisation",
            "The same theta with one setting changed from training: width, depth, activation (step has no "
            "useful gradient; the rule needs none), labels, steps, order of the inputs. Dashed or hollow: "
            "random initialisation."};
  s.problems = run.sweep_problems;
  std::string lacking, names;
  for (const Axis& axis : axes()) {
    if (axis.of_snapshots) continue;  // shown with the curves
    const auto found = run.sweeps.find(axis.name);
    if (found == run.sweeps.end() || found->second.scores.empty()) {
      lacking += fmt::format(" --over {}={}", axis.name, axis.example);
      names += fmt::format("{}{}", names.empty() ? "" : ", ", axis.name);
      continue;
    }
    s.figures.push_back(sweep_figure(found->second, axis));
    if (axis.name != kCostAxis) continue;
    if (Figure cost = cost_figure(found->second); !cost.curves.empty()) s.figures.push_back(std::move(cost));
  }
  if (!lacking.empty())
    s.missing.push_back(
        {fmt::format("There is no readable sweep over: {}. This command makes them{}:", names, kOwnData),
         fmt::format("metalearn sweep --theta {}{} {}", shell_word(run.directory), lacking,
                     data_options(run))});
  return s;
}

Section vae_section(const RunFiles& run) {
  Section s{
      "vae", "An autoencoder's objective against its few-shot accuracy",
      "Does the objective that a variational autoencoder minimises agree with how well its representation "
      "separates classes? (In the paper only at first; this mismatch motivates learning the rule.)"};
  if (run.methods)
    for (const auto& data : data_of(*run.methods)) {
      Figure f{.id = fmt::format("vae-{}", s.figures.size()),
               .title = "Variational autoencoder on " + data,
               .caption =
                   "Ridge head; objective on one fixed batch of the train split, lower is better. Bars: 95 % "
                   "intervals over seeds.",
               .x_label = "steps of the autoencoder",
               .y_label = kAccuracy,
               .right_label = "objective (-ELBO, nats per example)",
               .shares = true,
               .curves = {{.title = "accuracy (left axis)", .points = {}, .style = 0},
                          {.title = "objective (right axis)", .points = {}, .style = 1, .right = true}}};
      for (const Score& score : run.methods->scores)
        if (score.data == data && score.method == "vae" && score.head == "ridge" &&
            std::isfinite(score.objective.mean)) {
          f.curves[0].points.push_back({score.step, score.accuracy.mean, score.accuracy.half});
          f.curves[1].points.push_back({score.step, score.objective.mean, score.objective.half});
        }
      if (f.curves[0].points.empty()) continue;
      f.log_x = f.curves[0].points.front().x > 0;
      s.figures.push_back(std::move(f));
    }
  if (s.figures.empty())
    s.missing.push_back(methods_command(
        run,
        fmt::format("There is no autoencoder with its objective. The comparison of all methods trains one{}:",
                    kOwnData)));
  return s;
}

}  // namespace metalearn::report
