#include "metalearn/report/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "metalearn/report/gnuplot.hpp"
#include "metalearn/report/gnuplot_script.hpp"
#include "metalearn/report/page.hpp"
#include "metalearn/report/run_files.hpp"
#include "metalearn/report/sections.hpp"

namespace metalearn::report {
namespace {

std::string summary_of(const RunFiles& run) {
  std::string line = run.config ? fmt::format("A rule ({}) trained on {}, preset {}.", run.config->rule.rule,
                                              fmt::join(run.config->data, ", "), run.config->preset)
                                : "";
  if (run.theta)
    line +=
        fmt::format(" Unless a figure names another theta, it shows that of update {}{}.", run.theta->update,
                    run.theta->mark ? fmt::format(", for {} inner steps", *run.theta->mark) : "");
  return line;
}

bool reaches_beyond(const Figure& f) {
  const auto is_beyond = [&](const Curve& c, const Point& p) {
    const double value = f.rows ? p.x : p.y;
    return !c.right && std::isfinite(p.half) && (value - p.half < 0 || value + p.half > 1);
  };
  return std::any_of(f.curves.begin(), f.curves.end(), [&](const Curve& c) {
    return std::any_of(c.points.begin(), c.points.end(), [&](const Point& p) { return is_beyond(c, p); });
  });
}

std::string complaint_of(const Drawing& drawing) {
  if (drawing.timed_out) return "it did not finish in time";
  return drawing.err.empty() ? "it stopped early" : drawing.err.substr(0, 300);
}

/// An SVG for each figure; empty if it could not be drawn, with a note that says why. None if no figure could
/// be drawn.
std::vector<std::string> draw(const std::vector<Figure>& figures, std::vector<std::string>& notes) {
  if (figures.empty()) return {};
  const auto drawing = run_gnuplot(gnuplot_script(figures));
  if (!drawing) {
    notes.emplace_back(
        "gnuplot is not on PATH: the report has tables instead of figures; install it (Debian: gnuplot-nox) "
        "and make the report again");
    return {};
  }
  auto svgs = inline_svgs(drawing->out, figures);
  if (!svgs.empty() && drawing->done) return svgs;
  // A figure that gnuplot cannot draw ends the script: draw each one separately.
  svgs.assign(figures.size(), "");
  std::vector<std::string> failures;
  bool timed_out = drawing->timed_out;
  for (std::size_t i = 0; i < figures.size() && !timed_out; ++i) {
    const auto one = run_gnuplot(gnuplot_script({figures[i]}), std::chrono::seconds(10));
    timed_out = one && one->timed_out;
    const auto svg = one && one->done ? inline_svgs(one->out, {figures[i]}) : std::vector<std::string>{};
    if (!svg.empty())
      svgs[i] = svg.front();
    else
      failures.push_back(fmt::format("gnuplot could not draw '{}', a table replaces it: {}", figures[i].title,
                                     one ? complaint_of(*one) : "it is no longer there"));
  }
  if (timed_out || failures.size() == figures.size()) {
    notes.push_back(fmt::format("gnuplot could not draw the figures, the report has tables instead: {}",
                                timed_out ? "it did not finish in time" : complaint_of(*drawing)));
    return {};
  }
  notes.insert(notes.end(), failures.begin(), failures.end());
  return svgs;
}

}  // namespace

Written make_report(const std::string& run_directory) {
  const RunFiles run = read_run(run_directory);
  Report report{"Report of " + run.name,
                summary_of(run),
                {curves_section(run), methods_section(run), transfer_section(run),
                 representation_section(run), vae_section(run), training_section(run), run_section(run)}};
  Written written;
  written.notes = run.problems();
  std::vector<Figure> figures;
  for (Section& s : report.sections) {
    for (Figure& f : s.figures)
      if (f.shares && reaches_beyond(f)) f.caption += " Intervals that reach beyond 0 or 1 end at the frame.";
    std::erase_if(s.figures, [](const Figure& f) { return f.curves.empty() && f.shades.rows == 0; });
    figures.insert(figures.end(), s.figures.begin(), s.figures.end());
  }
  const auto svgs = draw(figures, written.notes);
  written.figures = figures.size();
  written.drawn = !svgs.empty() || figures.empty();
  written.html = html_page(report, svgs);
  return written;
}

}  // namespace metalearn::report
