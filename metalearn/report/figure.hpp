// Figure: what a plot shows, as data; gnuplot_script.hpp draws it, page.hpp writes it as a table.
//
// Plain values. All text may come from a user: the code that draws or writes it must escape it.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace metalearn::report {

/// No value: nothing to draw.
inline constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Point {
  double x = 0, y = 0;
  double half = kNone;  ///< half width of the 95 % interval of y (of x, in a figure of rows); NaN if unknown
};

struct Curve {
  std::string title;
  std::vector<Point> points;
  int style = 0;        ///< chooses colour, dashes and point type
  bool dashed = false;  ///< the reference curve, told apart from the other curve of its style
  bool markers = true;  ///< a symbol at each point
  bool joined = true;   ///< points joined by a line
  bool right = false;   ///< uses the right y axis
  bool in_legend = true;
};

/// Numbers drawn as shades, row by row from the top; NaN stays white.
struct Shades {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;  ///< [rows, columns]
  double limit = 1;            ///< shades go from -limit to limit
};

struct Figure {
  std::string id;              ///< id of the HTML element: letters, digits and -, unique in a page
  std::string title, caption;  ///< caption: one line
  std::string x_label, y_label, right_label = {};
  bool log_x = false, log_y = false;
  bool shares = false;  ///< values lie in 0 .. 1, intervals are cut there
  std::vector<std::string> names =
      {};             ///< categories 0, 1, ... on the x axis (rows: from the top); empty: a numeric axis
  bool rows = false;  ///< the names are rows, values lie along x
  std::vector<Curve> curves = {};
  Shades shades = {};             ///< drawn instead of curves if it has rows
  bool tabulated = true;          ///< its numbers are useful as a table
  int width = 560, height = 340;  ///< pixels, without the second and later lines of the legend
  bool starts_row = false;        ///< starts a row in the page; later figures follow it if there is room
};

struct Table {
  std::string title;
  std::vector<std::string> head = {};
  std::vector<std::vector<std::string>> rows = {};
  bool folded = false;  ///< collapsed until clicked
};

/// A command line and its purpose.
struct Command {
  std::string what, line;
};

struct Section {
  std::string id, title, caption;
  std::vector<Figure> figures = {};
  std::vector<Command> commands = {};
  std::vector<Table> tables = {};
  std::vector<Command> missing = {};       ///< what the run lacks, with the command that adds it
  std::vector<std::string> problems = {};  ///< files that cannot be read, one line each
};

struct Report {
  std::string title, summary;
  std::vector<Section> sections;
};

}  // namespace metalearn::report
