#include "metalearn/report/gnuplot_script.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "metalearn/report/text.hpp"

namespace metalearn::report {
namespace {

/// Okabe and Ito's colours, which colour-blind readers can tell apart; without yellow, which is too pale on
/// paper.
constexpr const char* kColours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                    "#E69F00", "#56B4E9", "#000000"};
/// Dashes of lines without markers; the first is solid.
constexpr const char* kDashes[] = {"1", "(12,4)", "(3,3)", "(12,3,3,3)", "(7,3)", "(18,4,3,4)", "(1,3)"};
constexpr int kMarkers[] = {7, 9, 5, 11, 13, 6, 8, 4, 10, 12};  // filled ones first
/// Intervals of a curve with more points than this are drawn as a band, as bars would overlap.
constexpr std::size_t kBars = 40;

/// A character of a user's text that is special to gnuplot or SVG, the private Unicode character that
/// replaces it meanwhile, and its form in the page.
struct Stand {
  char character;
  const char *meanwhile, *in_page;
};
// '%' matters only in the number format of an axis, which category names replace.
constexpr Stand kStands[] = {{'&', "\xee\x80\x80", "&amp;"},  {'<', "\xee\x80\x81", "&lt;"},
                             {'>', "\xee\x80\x82", "&gt;"},   {'"', "\xee\x80\x83", "&quot;"},
                             {'\'', "\xee\x80\x84", "&#39;"}, {'\\', "\xee\x80\x85", "\\"},
                             {'`', "\xee\x80\x86", "`"},      {'%', "\xee\x80\x87", "%"}};

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : clean(text)) {
    const auto* stand = std::find_if(std::begin(kStands), std::end(kStands),
                                     [&](const Stand& s) { return s.character == c; });
    if (stand != std::end(kStands))
      out += stand->meanwhile;
    else
      out += c;
  }
  return out + "'";
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::string out;
  std::size_t at = 0;
  for (std::size_t next; (next = text.find(from, at)) != std::string::npos; at = next + from.size())
    out.append(text, at, next - at).append(to);
  text = out.append(text, at);
}

/// With the same precision as the axis range: a rounded point of an almost level curve would lie outside.
std::string number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "NaN"; }

bool has_intervals(const Curve& c) {
  return std::any_of(c.points.begin(), c.points.end(), [](const Point& p) { return std::isfinite(p.half); });
}

bool has_bars(const Curve& c) { return has_intervals(c) && c.points.size() <= kBars; }

/// One plot of gnuplot; a curve with intervals takes two.
struct Plot {
  std::string command, title;
};

std::vector<Plot> plots_of(const Figure& f) {
  std::vector<Plot> plots;
  for (std::size_t i = 0; i < f.curves.size(); ++i) {
    const Curve& c = f.curves[i];
    const auto style = static_cast<std::size_t>(c.style);
    const std::string colour = kColours[style % std::size(kColours)], axes = c.right ? " axes x1y2" : "";
    const std::string dash = c.dashed ? "(4,4)" : c.markers ? "1" : kDashes[style % std::size(kDashes)];
    const int marker = kMarkers[(style + (c.dashed ? 5 : 0)) % std::size(kMarkers)];
    const std::string look = fmt::format(
        "lc rgb '{}'{}{}", colour, c.joined ? fmt::format(" lw {} dt {}", c.markers ? "1.6" : "2", dash) : "",
        c.markers ? fmt::format(" pt {} ps {}", marker, f.tabulated ? 0.7 : 0.5) : "");
    const bool bars = has_bars(c);
    if (has_intervals(c) && !bars)
      plots.push_back({fmt::format("$c{} using 1:($2-$3):($2+$3){} with filledcurves lc rgb '{}' fill "
                                   "transparent solid 0.2 noborder notitle",
                                   i, axes, colour),
                       ""});
    if (bars)
      plots.push_back({fmt::format("$c{} using 1:2:3{} with {} lc rgb '{}' lw 1.2 dt 1 pt -1 notitle", i,
                                   axes, f.rows ? "xerrorbars" : "yerrorbars", colour),
                       ""});
    const char* kind = c.joined && c.markers ? "linespoints" : c.joined ? "lines" : "points";
    plots.push_back({fmt::format("$c{} using 1:2{} with {} {} {}", i, axes, kind, look,
                                 c.title.empty() || !c.in_legend ? "notitle" : "title " + quoted(c.title)),
                     c.title});
  }
  return plots;
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void take(double value) {
    if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
  }
  std::string text() const { return fmt::format("[{}:{}]", low, high); }
  /// Values so close that all labels of the axis would show the same number.
  bool is_level() const { return high - low <= 1e-4 * std::max(std::abs(low), std::abs(high)); }
};

/// The range of the points of one axis with their intervals, plus a margin so that no symbol lies on the
/// frame.
Range range_of(const Figure& f, char axis, bool right) {
  const bool is_value = (axis == 'y') != f.rows, is_log = axis == 'x' ? f.log_x : f.log_y && !right;
  Range r;
  for (const Curve& c : f.curves)
    for (const Point& p : c.points) {
      const double at = axis == 'x' ? p.x : p.y, half = is_value && std::isfinite(p.half) ? p.half : 0;
      if (axis == 'y' && c.right != right) continue;
      for (const double value : {at - half, at, at + half})
        if (!is_log || value > 0) r.take(value);
    }
  if (!(r.low <= r.high))
    return is_log ? Range{1, 10} : Range{0, 1};  // gnuplot fails on an axis without values
  const bool is_one = is_value ? r.is_level() : r.high <= r.low;
  if (is_log) {
    const double room = is_one ? 1.5 : std::pow(r.high / r.low, 0.04);
    return {r.low / room, r.high * room};
  }
  if (is_one && r.high == 0)
    return is_value ? Range{-0.04, 1.04} : Range{-1, 1};  // shares and counts of nothing
  const double room = is_one ? 0.1 * std::abs(r.high) : 0.04 * (r.high - r.low);
  const bool cut = f.shares && is_value && !right;
  return {cut ? std::max(r.low - room, -0.02) : r.low - room,
          cut ? std::min(r.high + room, 1.02) : r.high + room};
}

/// Shift of each curve along x, as a share of the axis: bars of several curves at one position would hide
/// each other. If the axis has names, the figure shifts them itself.
std::vector<double> moved(const Figure& f) {
  std::vector<double> shares(f.curves.size(), 0);
  std::size_t bars = 0, places = 1;
  for (const Curve& c : f.curves)
    if (has_bars(c)) ++bars, places = std::max(places, c.points.size());
  if (bars < 2 || f.rows || !f.names.empty()) return shares;
  // Within the margin that range_of() leaves, and closer than the next position.
  const double apart =
      std::min({0.008, 0.06 / static_cast<double>(bars - 1), 0.5 / static_cast<double>(bars * places)});
  double place = -0.5 * static_cast<double>(bars - 1);
  for (std::size_t i = 0; i < f.curves.size(); ++i)
    if (has_bars(f.curves[i])) shares[i] = apart * place++;
  return shares;
}

std::string data_of(const Figure& f) {
  const Range x = range_of(f, 'x', false);
  const std::vector<double> shares = moved(f);
  std::string text;
  for (std::size_t i = 0; i < f.curves.size(); ++i) {
    text += fmt::format("$c{} << EOD\n", i);
    for (const Point& p : f.curves[i].points) {
      const double at =
          f.log_x ? p.x * std::pow(x.high / x.low, shares[i]) : p.x + (x.high - x.low) * shares[i];
      text += fmt::format("{} {} {}\n", number(at), number(p.y), number(std::isfinite(p.half) ? p.half : 0));
    }
    if (f.curves[i].points.empty()) text += "NaN NaN NaN\n";
    text += "EOD\n";
  }
  return text;
}

/// These multiples of the powers of ten that lie in a range.
std::vector<std::string> multiples(const Range& r, const std::vector<int>& digits) {
  std::vector<std::string> tics;
  for (int power = static_cast<int>(std::floor(std::log10(r.low))); std::pow(10, power) <= r.high; ++power)
    for (const int digit : digits)
      if (const double at = digit * std::pow(10, power); at >= r.low && at <= r.high)
        tics.push_back(fmt::format("{:g}", at));
  return tics;
}

/// About four evenly spaced numbers: multiples of 1, 2 or 5 times a power of ten.
std::vector<std::string> evenly(const Range& r) {
  const double about = (r.high - r.low) / 4, power = std::pow(10, std::floor(std::log10(about)));
  const double apart = power * (about < 1.5 * power   ? 1
                                : about < 3.5 * power ? 2
                                : about < 7.5 * power ? 5
                                                      : 10);
  std::vector<std::string> tics;
  for (double k = std::ceil(r.low / apart); k * apart <= r.high; ++k)
    tics.push_back(fmt::format("{:.6g}", k * apart));
  return tics;
}

/// Tics where gnuplot's own would be too few or fractional: 1, 2 and 5 of each power of ten, or more, on a
/// short logarithmic axis; whole numbers if all values are whole.
std::string tics_of(const Figure& f, char axis, const Range& r) {
  if (axis == 'x' ? f.log_x : f.log_y) {
    if (r.high / r.low > 300) return "";
    constexpr std::size_t kEnough = 3;
    std::vector<std::string> tics = multiples(r, {1, 2, 5});
    if (tics.size() < kEnough) tics = multiples(r, {1, 2, 3, 4, 5, 6, 7, 8, 9});
    if (tics.size() < kEnough) tics = evenly(r);
    return fmt::format("set {}tics ({})\n", axis, fmt::join(tics, ", "));
  }
  const auto is_whole = [&](const Point& p) {
    return (axis == 'x' ? p.x : p.y) == std::floor(axis == 'x' ? p.x : p.y);
  };
  const bool whole = std::all_of(f.curves.begin(), f.curves.end(), [&](const Curve& c) {
    return std::all_of(c.points.begin(), c.points.end(), is_whole);
  });
  return whole && r.high - r.low < 13 ? fmt::format("set {}tics 1\n", axis) : "";
}

struct Legend {
  int lines = 0, columns = 1;  ///< titles in a line
  int longest = 0;             ///< title, in characters
};

Legend legend_of(const Figure& f) {
  Legend legend;
  int titles = 0;
  for (const Curve& c : f.curves)
    if (!c.title.empty() && c.in_legend)
      legend.longest = std::max(legend.longest, static_cast<int>(c.title.size())), ++titles;
  std::size_t margin = 0;  // gnuplot makes a legend no wider than the plot
  for (const auto& name : f.names) margin = std::max(margin, f.rows ? name.size() * 8 + 60 : 0);
  legend.columns = std::clamp((f.width - 100 - static_cast<int>(margin)) / (legend.longest * 7 + 46), 1, 6);
  legend.lines = (titles + legend.columns - 1) / legend.columns;
  return legend;
}

/// Whether the names are too long to fit side by side.
bool are_turned(const Figure& f) {
  std::size_t longest = 0;
  for (const auto& name : f.names) longest = std::max(longest, name.size());
  return !f.rows && longest * f.names.size() > 50;
}

std::string axes_of(const Figure& f) {
  const Range x = range_of(f, 'x', false), y = range_of(f, 'y', false);
  std::string text = fmt::format("set xrange {}\nset yrange {}\n", x.text(), y.text()) + tics_of(f, 'x', x) +
                     tics_of(f, 'y', y);
  const char* names = f.rows ? "y" : "x";
  if (!f.names.empty()) {
    std::vector<std::string> tics;
    for (std::size_t i = 0; i < f.names.size(); ++i)
      tics.push_back(fmt::format("{} {}", quoted(f.names[i]), i));
    text += fmt::format("set {}tics ({}) {}\n", names, fmt::join(tics, ", "),
                        are_turned(f) ? "rotate by 35 right" : "");
    text += f.rows ? fmt::format("set yrange [{}:-0.6]\n", static_cast<double>(f.names.size()) - 0.4)
                   : fmt::format("set xrange [-0.6:{}]\n", static_cast<double>(f.names.size()) - 0.4);
  }
  text += fmt::format("set xlabel {} offset 0,0.3\nset ylabel {}\n", quoted(f.x_label), quoted(f.y_label));
  if (!f.right_label.empty())
    text += fmt::format("set border 11\nset y2label {}\nset y2tics\nset y2range {}\n", quoted(f.right_label),
                        range_of(f, 'y', true).text());
  if (f.log_x) text += "set logscale x\n";
  if (f.log_y) text += "set logscale y\n";
  return text;
}

std::string curves_of(const Figure& f) {
  std::string text = axes_of(f) + data_of(f) + "plot ";
  const auto plots = plots_of(f);
  for (std::size_t i = 0; i < plots.size(); ++i)
    text += plots[i].command + (i + 1 < plots.size() ? ", \\\n     " : "\n");
  return text;
}

/// The title of an SVG element; empty without a title.
std::string title_element(const std::string& title) {
  const std::string text = quoted(title);
  return title.empty() ? "" : "<title>" + text.substr(1, text.size() - 2) + "</title>";
}

/// Dark blue below zero, white, lighter orange above: distinguishable also in black and white.
std::string shades_of(const Figure& f) {
  const Shades& s = f.shades;
  std::string text = fmt::format(
      "set border 0\nunset tics\nunset grid\nset size ratio {0}\nset palette defined (-1 '#00446B', 0 "
      "'#FFFFFF', 1 '#E69F00')\nset cbrange [-{1}:{1}]\nset cbtics\nset colorbox\n"
      "set cblabel {2}\nset xrange [-0.5:{3}.5]\nset yrange [{4}.5:-0.5]\n$s << EOD\n",
      static_cast<double>(s.rows) / static_cast<double>(s.columns), number(s.limit), quoted(f.y_label),
      s.columns - 1, s.rows - 1);
  for (std::int64_t r = 0; r < s.rows; ++r) {
    for (std::int64_t c = 0; c < s.columns; ++c)
      text += number(s.values[static_cast<std::size_t>(r * s.columns + c)]) + ' ';
    text += '\n';
  }
  return text + "EOD\nplot $s matrix with image notitle\n";
}

}  // namespace

std::string gnuplot_script(const std::vector<Figure>& figures) {
  std::string text = "set encoding utf8\nset datafile missing 'NaN'\n";
  for (const Figure& f : figures) {
    const Legend legend = legend_of(f);
    text += fmt::format(
        "reset\nset terminal svg size {},{} noenhanced font 'sans-serif,13' background 'white' butt "
        "linewidth 1\nset output\n",
        f.width, f.height + 18 * std::max(0, legend.lines - 1));
    text +=
        "set border 3 lc rgb '#505050'\nset tics nomirror\nset grid lc rgb '#D8D8D8' lw 0.7 dt 1\nset bars "
        "0.4\n";
    // gnuplot overestimates the width of letters.
    text += fmt::format(
        "set title {} font 'sans-serif,14'\nset key at screen 0.5, screen 0.01 center bottom horizontal Left "
        "reverse samplen 3 spacing 1.1 width {} maxcols {}\n",
        quoted(f.title), -legend.longest / 5, legend.columns);
    if (legend.lines > 0)
      text += fmt::format("set bmargin {:.1f}\n", 3.4 + 1.15 * legend.lines + (are_turned(f) ? 2.5 : 0));
    text += f.shades.rows > 0 ? shades_of(f) : curves_of(f);
  }
  return text + "set output\nunset output\n";
}

std::vector<std::string> inline_svgs(std::string_view drawn, const std::vector<Figure>& figures) {
  std::vector<std::string> svgs;
  for (std::size_t at = drawn.find("<svg"); at != std::string_view::npos; at = drawn.find("<svg", at)) {
    const std::size_t end = drawn.find("</svg>", at);
    if (end == std::string_view::npos || svgs.size() == figures.size()) return {};
    const Figure& f = figures[svgs.size()];
    std::string svg(drawn.substr(at, end + 6 - at));
    at = end;
    for (const auto& [mark, quote] :
         {std::pair{"id=", '\''}, {"id=", '"'}, {"href=", '\''}, {"href=", '"'}}) {
      const bool reference = mark[0] == 'h';
      replace_all(svg, fmt::format("{}{}{}gp", mark, quote, reference ? "#" : ""),
                  fmt::format("{}{}{}{}-gp", mark, quote, reference ? "#" : "", f.id));
      replace_all(svg, fmt::format("{}{}gnuplot_", mark, quote), fmt::format("{}{}{}-", mark, quote, f.id));
      for (const char* box : {"textbox", "greybox"})
        replace_all(svg, fmt::format("{}{}{}", mark, quote, box),
                    fmt::format("{}{}{}-{}", mark, quote, f.id, box));
    }
    replace_all(svg, "url(#", fmt::format("url(#{}-", f.id));
    // Replaces gnuplot's titles of itself and its plots by the titles of the figure and its curves, shown on
    // hover.
    auto plots = plots_of(f);
    if (f.shades.rows > 0) plots = {{"", ""}};
    for (std::size_t i = 0; i < plots.size(); ++i)
      replace_all(svg, fmt::format("<title>gnuplot_plot_{}</title>", i + 1), title_element(plots[i].title));
    const std::size_t first = svg.find("<title>"), last = svg.find("</desc>");
    if (first == std::string::npos || last == std::string::npos) return {};
    svg.replace(first, last + 7 - first, title_element(f.title));
    for (const Stand& s : kStands) replace_all(svg, s.meanwhile, s.in_page);
    svgs.push_back(std::move(svg));
  }
  return svgs.size() == figures.size() ? svgs : std::vector<std::string>{};
}

}  // namespace metalearn::report
