#include "metalearn/report/report.hpp"

#include <fmt/format.h>

#include "metalearn/report/gnuplot.hpp"
#include "metalearn/report/gnuplot_script.hpp"
#include "metalearn/report/page.hpp"
#include "metalearn/report/run_files.hpp"
#include "metalearn/report/sections.hpp"

namespace metalearn::report {
namespace {

std::string name_of(const std::string& directory) {
  const auto slash = directory.find_last_of('/');
  return slash == std::string::npos || slash + 1 == directory.size() ? directory : directory.substr(slash + 1);
}

std::string summary_of(const RunFiles& run) {
  std::string line = run.config ? fmt::format("A rule ({}) trained on {}, preset {}.", run.config->rule.rule, fmt::join(run.config->data, ", "), run.config->preset) : "";
  if (run.theta)
    line += fmt::format(" Where a theta is shown at work it is that of update {}{}.", run.theta->update,
                        run.theta->mark ? fmt::format(", for {} inner steps", *run.theta->mark) : "");
  return line;
}

/// The SVGs; none, and why in a note, where they can't be had.
std::vector<std::string> draw(const std::vector<Figure>& figures, std::vector<std::string>& notes) {
  if (figures.empty()) return {};
  const auto drawing = run_gnuplot(gnuplot_script(figures));
  if (!drawing) {
    notes.emplace_back("gnuplot is not on PATH: the report has tables in place of figures; install it (Debian: gnuplot-nox) and make the report again");
    return {};
  }
  auto svgs = inline_svgs(drawing->out, figures);
  if (svgs.empty() || !drawing->done) {
    const std::string complaint = drawing->err.substr(0, 300);
    notes.push_back(fmt::format("gnuplot could not draw the figures, the report has tables in their place: {}", complaint.empty() ? "it ended early" : complaint));
    return {};
  }
  return svgs;
}

}  // namespace

Written make_report(const std::string& run_directory) {
  const RunFiles run = read_run(run_directory);
  Report report{"Report of " + name_of(run_directory),
                summary_of(run),
                {curves_section(run), methods_section(run), transfer_section(run), representation_section(run), vae_section(run), training_section(run), run_section(run)}};
  Written written;
  written.notes = run.problems();
  std::vector<Figure> figures;
  for (const Section& s : report.sections) figures.insert(figures.end(), s.figures.begin(), s.figures.end());
  const auto svgs = draw(figures, written.notes);
  written.figures = figures.size();
  written.drawn = !svgs.empty() || figures.empty();
  written.html = html_page(report, svgs);
  return written;
}

}  // namespace metalearn::report
