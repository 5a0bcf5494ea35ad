// Figure: what a plot shows, as data; gnuplot_script.hpp draws it, page.hpp writes it as a table.
//
// Plain values. All text is a user's text: whoever draws or writes it escapes it.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace metalearn::report {

/// Where there is nothing to draw.
inline constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Point {
  double x = 0, y = 0;
  double half = kNone;  ///< half width of the 95 % interval of y (of x, in a figure of rows); NaN: not known
};

struct Curve {
  std::string title;
  std::vector<Point> points;
  int style = 0;  ///< of colour, dashes and point type: curves of one style look alike
  bool dashed =
      false;  ///< to tell two curves of one style apart: the reference that the other is compared with
  bool markers = true;  ///< a symbol at each point
  bool joined = true;   ///< by a line
  bool right = false;   ///< on the right y axis
  bool in_legend = true;
};

/// Numbers drawn as shades, row after row, from the top; NaN is left white.
struct Shades {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;  ///< [rows, columns]
  double limit = 1;            ///< shades go from -limit to limit
};

struct Figure {
  std::string id;              ///< of the element: letters, digits and -, once in a page
  std::string title, caption;  ///< caption: one line, in plain words
  std::string x_label, y_label, right_label = {};
  bool log_x = false, log_y = false;
  bool shares = false;  ///< what is drawn lies in 0 .. 1, intervals beyond are cut
  std::vector<std::string> names =
      {};  ///< categories 0, 1, ... on the x axis (of rows: from the top); empty: the axis has numbers
  bool rows = false;  ///< the names are rows, values lie along x
  std::vector<Curve> curves = {};
  Shades shades = {};             ///< in place of curves, where it has rows
  bool tabulated = true;          ///< its numbers mean something as a table too
  int width = 560, height = 340;  ///< pixels, but for the second and further lines of the legend
  bool starts_row = false;        ///< in the page: what follows it stands beside it, as far as there is room
};

struct Table {
  std::string title;
  std::vector<std::string> head = {};
  std::vector<std::vector<std::string>> rows = {};
  bool folded = false;  ///< shown on request only
};

/// A command line, and what it is for.
struct Command {
  std::string what, line;
};

struct Section {
  std::string id, title, caption;
  std::vector<Figure> figures = {};
  std::vector<Command> commands = {};
  std::vector<Table> tables = {};
  std::vector<Command> missing = {};       ///< what the run does not have, with the command that adds it
  std::vector<std::string> problems = {};  ///< what is there but can't be read, one line each
};

struct Report {
  std::string title, summary;
  std::vector<Section> sections;
};

}  // namespace metalearn::report
