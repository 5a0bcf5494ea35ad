#include "metalearn/report/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "metalearn/report/text.hpp"

namespace metalearn::report {
namespace {

/// Rows of a figure's table; longer curves are thinned.
constexpr std::size_t kTableRows = 24;

// The generator identifies such a page; older pages lack it.
const std::string kBegin = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
                  kGenerator = "<meta name=\"generator\" content=\"metalearn report\">\n";
const std::string kRestOfHead =
    "<meta name=\"viewport\" content=\"width=device-width\">\n<link rel=\"icon\" href=\"data:,\">\n<title>";

constexpr const char* kStyle = R"(
  body { font: 15px/1.45 sans-serif; color: #1a1a1a; background: #ffffff;
         max-width: 1160px; margin: 1.5em auto; padding: 0 1em; }
  h1 { font-size: 1.6em; margin: 0 0 .2em; }
  h2 { font-size: 1.25em; margin: 1.8em 0 .2em; border-top: 1px solid #b0b0b0; padding-top: .6em; }
  h3 { font-size: 1em; margin: 1em 0 .3em; }
  p { margin: .3em 0; }
  nav { margin: .8em 0; }
  nav a { margin-right: 1.2em; white-space: nowrap; }
  a { color: #0072B2; }
  .figures { display: flex; flex-wrap: wrap; gap: 1em; margin-top: .6em; }
  .row { flex-basis: 100%; }
  figure { margin: 0; flex: 0 1 auto; min-width: 0; max-width: 100%; break-inside: avoid; }
  figure svg { display: block; max-width: 100%; height: auto; } svg image { image-rendering: pixelated; }
  figcaption { font-size: .87em; color: #404040; max-width: 550px; }
  figure.wide figcaption { max-width: 1100px; }
  table { border-collapse: collapse; font-size: .87em; margin: .3em 0; }
  th, td { padding: .12em .7em .12em 0; text-align: left; vertical-align: top;
           border-bottom: 1px solid #e0e0e0; overflow-wrap: anywhere; }
  td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
  details { font-size: .93em; }
  summary { cursor: pointer; color: #404040; }
  pre { background: #f3f3f3; padding: .5em .8em; margin: .3em 0;
        white-space: pre-wrap; overflow-wrap: anywhere; font-size: .87em; }
  .missing, .problem { margin: .6em 0; padding: .3em .8em; border-left: 4px solid #56B4E9; }
  .problem { border-color: #D55E00; }
  @media print { nav, details { display: none; } body { margin: 0; max-width: none; } }
)";

std::string short_number(double value) { return std::isfinite(value) ? fmt::format("{:.4g}", value) : ""; }

/// A row for each position on the axis, a column for each curve. If the figure has measurements in addition
/// to a running mean (drawn without symbols), only the measurements define the rows.
Table table_of(const Figure& f) {
  Table table{"", {f.rows ? f.y_label : f.x_label}};
  std::set<double> places;
  std::vector<std::map<double, std::string>> cells;
  const bool measured = std::any_of(f.curves.begin(), f.curves.end(),
                                    [](const Curve& c) { return c.markers && !c.points.empty(); });
  for (const Curve& c : f.curves) {
    table.head.push_back(c.title.empty() ? f.y_label : c.title);
    cells.emplace_back();
    for (const Point& p : c.points) {
      const double along = f.rows ? p.y : p.x, value = f.rows ? p.x : p.y;
      const double place =
          f.names.empty() ? along : std::round(along);  // curves of one category are drawn side by side
      if (!std::isfinite(value)) continue;
      if (c.markers || !measured) places.insert(place);
      cells.back()[place] =
          short_number(value) + (std::isfinite(p.half) ? fmt::format(" ± {:.2g}", p.half) : "");
    }
  }
  const std::size_t all = places.size(), shown = f.names.empty() ? std::min(all, kTableRows) : all;
  std::size_t i = 0, next = 0;
  for (const double place : places) {
    if (i++ != (shown < 2 ? next : next * (all - 1) / (shown - 1))) continue;
    ++next;
    table.rows.push_back(
        {f.names.empty() ? short_number(place) : f.names.at(static_cast<std::size_t>(place))});
    for (const auto& column : cells)
      table.rows.back().push_back(column.contains(place) ? column.at(place) : "");
  }
  return table;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.e+- ±\xc2\xb1") == std::string::npos;
}

/// align: right-align columns of numbers.
std::string html(const Table& table, bool align) {
  std::string out = "<table>\n";
  if (!table.head.empty()) {
    out += "<tr>";
    for (const auto& cell : table.head) out += "<th>" + escaped(cell) + "</th>";
    out += "</tr>\n";
  }
  for (const auto& row : table.rows) {
    out += "<tr>";
    for (const auto& cell : row)
      out += (align && is_number(cell) ? "<td class=\"number\">" : "<td>") + escaped(cell) + "</td>";
    out += "</tr>\n";
  }
  return out + "</table>\n";
}

std::string html(const Command& c, const char* kind) {
  return fmt::format("<div class=\"{}\"><p>{}</p>\n<pre>{}</pre></div>\n", kind, escaped(c.what),
                     escaped(c.line));
}

/// svg: null without a drawing.
std::string html(const Figure& f, const std::string* svg) {
  std::string out = fmt::format("<figure id=\"{}\"{}>\n", f.id, f.width > 600 ? " class=\"wide\"" : "");
  if (svg)
    out += *svg + "\n";
  else
    out += "<h3>" + escaped(f.title) + "</h3>\n";
  const bool tabulated = f.tabulated && f.shades.rows == 0;
  if (!svg) out += tabulated ? html(table_of(f), true) : "<p>(a picture that needs gnuplot)</p>\n";
  out += "<figcaption>" + escaped(f.caption) + "</figcaption>\n";
  if (svg && tabulated)
    out += "<details><summary>numbers</summary>\n" + html(table_of(f), true) + "</details>\n";
  return out + "</figure>\n";
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : clean(text)) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  return out;
}

bool is_report_page(std::string_view text) {
  return text.starts_with(kBegin + kGenerator) || text.starts_with(kBegin + kRestOfHead);
}

std::string html_page(const Report& report, const std::vector<std::string>& svgs) {
  std::string out = kBegin + kGenerator + kRestOfHead + escaped(report.title) + "</title>\n<style>" + kStyle +
                    "</style>\n</head>\n<body>\n<h1>" + escaped(report.title) + "</h1>\n<p>" +
                    escaped(report.summary) + "</p>\n<nav>";
  for (const Section& s : report.sections) out += "<a href=\"#" + s.id + "\">" + escaped(s.title) + "</a> ";
  out += "</nav>\n";
  std::size_t figures = 0;
  for (const Section& s : report.sections) figures += s.figures.size();
  if (svgs.empty() && figures > 0)
    out +=
        "<p class=\"problem\">Tables replace the figures: gnuplot is missing, or could not draw them. "
        "Install it (Debian: gnuplot-nox) and make the report again.</p>\n";
  std::size_t drawn = 0;
  for (const Section& s : report.sections) {
    out += "<section>\n<h2 id=\"" + s.id + "\">" + escaped(s.title) + "</h2>\n<p>" + escaped(s.caption) +
           "</p>\n";
    for (const auto& problem : s.problems) out += "<p class=\"problem\">" + escaped(problem) + "</p>\n";
    if (!s.figures.empty()) out += "<div class=\"figures\">\n";
    for (const Figure& f : s.figures) {
      if (f.starts_row) out += "<div class=\"row\"></div>\n";
      const std::string* svg = svgs.empty() ? nullptr : &svgs.at(drawn++);
      out += html(f, svg && !svg->empty() ? svg : nullptr);
    }
    if (!s.figures.empty()) out += "</div>\n";
    for (const auto& c : s.commands) out += html(c, "command");
    for (const Table& t : s.tables)
      out += t.folded ? fmt::format("<details><summary>{}</summary>\n{}</details>\n", escaped(t.title),
                                    html(t, false))
                      : fmt::format("<h3>{}</h3>\n{}", escaped(t.title), html(t, false));
    for (const auto& c : s.missing) out += html(c, "missing");
    out += "</section>\n";
  }
  return out + "</body>\n</html>\n";
}

}  // namespace metalearn::report
