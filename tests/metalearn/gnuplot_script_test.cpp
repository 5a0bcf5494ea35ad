#include "metalearn/report/gnuplot_script.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "metalearn/report/gnuplot.hpp"
#include "metalearn/report/page.hpp"

using namespace metalearn::report;

namespace {

std::vector<std::string> draw(const std::vector<Figure>& figures) {
  const auto drawing = run_gnuplot(gnuplot_script(figures));
  REQUIRE(drawing);
  CAPTURE(drawing->err);
  CHECK(drawing->done);  // it may warn, for example of a legend that is too wide
  return inline_svgs(drawing->out, figures);
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

Figure figure(const std::string& id, std::vector<Curve> curves) {
  return {.id = id,
          .title = "title of " + id,
          .caption = "",
          .x_label = "x",
          .y_label = "y",
          .curves = std::move(curves)};
}

}  // namespace

TEST_CASE("gnuplot draws every kind of figure, also of no number at all, each with ids of its own") {
  const std::vector<Point> points = {{1, 1, 0.5}, {10, kNone}, {100, 3, 1}};
  Figure logarithmic = figure("log", {{.title = "curve", .points = points}});
  logarithmic.log_x = logarithmic.log_y = true;
  Figure right = figure("right", {{.title = "left", .points = points},
                                  {.title = "right", .points = points, .style = 1, .right = true}});
  right.right_label = "z";
  Figure rows = figure("rows", {{.title = "a", .points = {{0.5, 0, 0.1}, {0.7, 1, 2}}, .joined = false}});
  rows.rows = rows.shares = true, rows.names = {"first", "second"};
  Figure names = figure("names", {{.title = "a", .points = {{0, 1}, {1, 2}}, .joined = false}});
  names.names = {"a name that is long enough to be turned", "another such name, as long as the first"};
  Figure shades = figure("shades", {});
  shades.shades = {2, 3, {1, -1, kNone, 0, 0.5, -0.5}, 1};
  std::vector<Point> many;
  for (int i = 0; i < 100; ++i) many.push_back({i * 1.0, i * 1.0, 1});
  Figure no_log = figure("no-log", {{.title = "none", .points = {{0, -1}}}});
  no_log.log_x = no_log.log_y = true;
  const std::vector<Figure> figures = {
      figure("plain", {{.title = "", .points = points, .dashed = true},
                       {.title = "b", .points = points, .style = 9, .markers = false}}),
      logarithmic,
      right,
      rows,
      names,
      shades,
      figure("band", {{.title = "many", .points = many, .markers = false}}),
      figure("empty", {{.title = "none", .points = {}}}),
      figure("nan", {{.title = "none", .points = {{1, kNone, kNone}}}}),
      no_log,
      figure("one", {{.title = "single", .points = {{0, 0}}}})};
  const auto svgs = draw(figures);
  REQUIRE(svgs.size() == figures.size());
  for (std::size_t i = 0; i < svgs.size(); ++i) {
    CHECK(svgs[i].rfind("<svg", 0) == 0);
    CHECK(svgs[i].ends_with("</svg>"));
    CHECK(count(svgs[i], "<title>title of " + figures[i].id + "</title>") == 1);
    CHECK(count(svgs[i], "id='gp") + count(svgs[i], "id=\"gp") + count(svgs[i], "gnuplot_") +
              count(svgs[i], "#gp") ==
          0);
  }
  CHECK(count(svgs[0], "<title>b</title>") == 1);
  CHECK(count(svgs[5], "<image") == 1);
}

TEST_CASE("a user's text comes through gnuplot as it is, and does nothing on its way") {
  const std::string text = "100%d '; system \"touch x\" # `touch y` \\ @m {/=20 _^ <b>&amp;\"\n$c0";
  const auto svgs = draw({{.id = "f",
                           .title = text,
                           .caption = "",
                           .x_label = text,
                           .y_label = text,
                           .names = {text},
                           .curves = {{.title = text, .points = {{0, 1}}}}}});
  REQUIRE(svgs.size() == 1);
  const std::string expected =
      "100%d &#39;; system &quot;touch x&quot; # `touch y` \\ @m {/=20 _^ &lt;b&gt;&amp;amp;&quot;\\x0a$c0";
  CHECK(count(svgs[0], expected) >= 5);
  CHECK(count(svgs[0], "<b>") == 0);
  CHECK(count(svgs[0], "\xee\x80") == 0);
}

TEST_CASE("no text that is put together from what gnuplot and shells obey does anything but stand there") {
  namespace fs = std::filesystem;
  const fs::path canary = fs::temp_directory_path() / ("metalearn-canary-" + std::to_string(getpid()));
  fs::remove(canary);
  const std::string touch = "touch " + canary.string();
  const std::vector<std::string> pieces = {"'",
                                           "\"",
                                           "`",
                                           "\\",
                                           "\n",
                                           "\r",
                                           ";",
                                           "#",
                                           "$",
                                           "@",
                                           "{",
                                           "}",
                                           "%",
                                           "(",
                                           ")",
                                           "!",
                                           "|",
                                           "<",
                                           "''",
                                           "\xee\x80\x84",
                                           "\xee\x80\x86",
                                           "\xc3",
                                           "EOD\n",
                                           "\\\n",
                                           " ",
                                           "`" + touch + "`",
                                           "$(" + touch + ")",
                                           "system('" + touch + "')",
                                           "\n!" + touch + "\n",
                                           "'; system \"" + touch + "\" #",
                                           std::string(1, '\0')};
  std::mt19937 random(5);
  for (int script = 0; script < 4; ++script) {
    std::vector<Figure> figures;
    for (int i = 0; i < 30; ++i) {
      std::string text;
      for (int n = 0; n < 8; ++n) text += pieces[random() % pieces.size()];
      figures.push_back({.id = "f" + std::to_string(i),
                         .title = text,
                         .caption = "",
                         .x_label = text,
                         .y_label = text,
                         .names = {text},
                         .curves = {{.title = text, .points = {{0, 1}}}}});
    }
    const auto svgs = draw(figures);
    REQUIRE(svgs.size() == figures.size());
    for (std::size_t i = 0; i < svgs.size(); ++i)
      CHECK(count(svgs[i], "<title>" + escaped(figures[i].title) + "</title>") >= 1);
  }
  CHECK_FALSE(fs::exists(canary));
}

TEST_CASE("what gnuplot did not draw whole is no drawing") {
  const std::vector<Figure> two = {figure("a", {}), figure("b", {})};
  const std::string one = "<svg>\n<title>Gnuplot</title>\n<desc>x</desc></svg>";
  CHECK(inline_svgs(one + one, two).size() == 2);
  CHECK(inline_svgs(one, two).empty());
  CHECK(inline_svgs(one + one + one, two).empty());
  CHECK(inline_svgs(one + "<svg><title>Gnuplot</title>", two).empty());
  CHECK(inline_svgs("<svg></svg><svg></svg>", two).empty());
  CHECK(inline_svgs("", {}).empty());
  const auto failed = run_gnuplot("no such command\n");
  REQUIRE(failed);
  CHECK(!failed->done);
  CHECK(failed->err.find("invalid command") != std::string::npos);
}

TEST_CASE(
    "a short logarithmic axis has more numbers than its powers of ten, and an axis of a few whole numbers "
    "has those alone") {
  Figure width = figure("width", {{.title = "", .points = {{16, 0.5}, {64, 0.6}, {256, 0.7}}}});
  width.log_x = true;
  const auto svgs = draw({width, figure("depth", {{.title = "", .points = {{1, 0.5}, {4, 0.7}}}})});
  REQUIRE(svgs.size() == 2);
  const auto has = [](const std::string& svg, const std::string& number) {
    return svg.find(">" + number + "<") != std::string::npos ||
           svg.find("> " + number + "<") != std::string::npos;
  };
  for (const char* number : {"20", "50", "100", "200"}) CHECK_MESSAGE(has(svgs[0], number), number);
  for (const char* number : {"1", "2", "3", "4"}) CHECK_MESSAGE(has(svgs[1], number), number);
  CHECK_FALSE(has(svgs[1], "1.5"));
}

TEST_CASE("a nearly level curve is drawn, and every logarithmic axis has numbers on it") {
  Figure level = figure("level", {{.title = "", .points = {{1, 1.23456781}, {2, 1.23456789}}}});
  Figure within = figure("within", {{.title = "", .points = {{1, 0.15}, {2, 0.33}}}});
  Figure narrow = figure("narrow", {{.title = "", .points = {{1, 0.91}, {2, 0.93}}}});
  Figure single = figure("single", {{.title = "", .points = {{1, 0.05}}}});
  within.log_y = narrow.log_y = single.log_y = true;
  const std::vector<Figure> figures = {level, within, narrow, single};
  const auto svgs = draw(figures);
  REQUIRE(svgs.size() == figures.size());
  const auto has = [](const std::string& svg, const std::string& number) {
    return svg.find(">" + number + "<") != std::string::npos ||
           svg.find("> " + number + "<") != std::string::npos;
  };
  CHECK(count(svgs[0], "' transform='translate(") == 2);
  for (const char* number : {"0.2", "0.3"}) CHECK_MESSAGE(has(svgs[1], number), number);
  for (const char* number : {"0.91", "0.92", "0.93"}) CHECK_MESSAGE(has(svgs[2], number), number);
  for (const char* number : {"0.04", "0.05", "0.06"}) CHECK_MESSAGE(has(svgs[3], number), number);
}

TEST_CASE("bars of curves at one place stand beside each other, their numbers are the same") {
  const auto script = [](double half) {
    Figure f = figure("bars", {});
    for (int i = 0; i < 2; ++i)
      f.curves.push_back(
          {.title = std::to_string(i), .points = {{100, 1, half}, {200, 2, half}}, .style = i});
    return gnuplot_script({f});
  };
  CHECK(count(script(kNone), "\n100 1 0\n") == 2);
  CHECK(count(script(0.1), "\n100 1 0.1\n") == 0);
  CHECK(count(script(0.1), " 1 0.1\n") == 2);
  Figure many = figure("many", {});  // and none of them outside: a symbol for each point, and one for its bar
  for (int i = 0; i < 24; ++i)
    many.curves.push_back({.title = "", .points = {{1, 1, 0.1}, {2, 1 + 0.1 * i, 0.1}}, .style = i});
  for (const bool log : {false, true}) {
    many.log_x = log;
    CHECK(count(draw({many}).at(0), "' transform='translate(") == 2 * 48);
  }
}

TEST_CASE("a gnuplot that does not end is ended") {
  const auto drawing = run_gnuplot("pause 600\n", std::chrono::milliseconds(50));
  REQUIRE(drawing);
  CHECK(drawing->timed_out);
  CHECK(!drawing->done);
}
