#include "metalearn/report/page.hpp"
#include "metalearn/report/sections.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace metalearn;
using namespace metalearn::report;

namespace {

/// The configuration of a command line, as tools/cli/config_source.cpp makes it: the preset, what is given,
/// what follows from that. No value here holds a blank.
Config configuration_of(const std::string& options) {
  std::vector<std::string> words(1);
  for (const char c : options) {
    if (c == ' ')
      words.emplace_back();
    else
      words.back() += c;
  }
  std::map<std::string, std::string> values;
  std::set<std::string> given;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const std::string key = words[i].substr(2);
    auto& value = values[key];
    value = key == "data" && !value.empty() ? value + "," + words[i + 1] : words[i + 1];
    given.insert(key);
  }
  Config c = Config::from_preset(values.at("preset"));
  for (const auto& [key, value] : values) c.set(key, value);
  given.erase("preset");
  c.settle(given);
  return c;
}

}  // namespace

TEST_CASE(
    "the command that trains the same again gives the same configuration, also where keys follow each "
    "other") {
  for (const char* preset : {"demo", "small", "paper", "laptop-tasks"}) {
    Config c = Config::from_preset(preset);
    c.set("data", "glyph,mine=/some/where");
    CHECK(configuration_of(train_options(c)).to_map() == c.to_map());
    for (const auto& [key, value] : {std::pair{"tasks", "7"},
                                     {"length-min", "15"},
                                     {"length-max", "3000"},
                                     {"hidden-min", "3"},
                                     {"seed", "9"},
                                     {"telemetry", "true"},
                                     {"inner-rate", "0.02"}}) {
      Config changed = c;
      try {
        changed.set(key, value);
        changed.check();
      } catch (const std::exception&) {
        continue;  // a bound that the other one of this preset forbids
      }
      CAPTURE(train_options(changed));
      CHECK(configuration_of(train_options(changed)).to_map() == changed.to_map());
    }
  }
  Config c = Config::from_preset("small");
  c.data = {"glyph"};
  CHECK(train_options(c) == "--preset small --data glyph");
  c.eval_data = {"one=/some/where", "two=/else"};
  CHECK(train_options(c) == "--preset small --data glyph --eval-data one=/some/where --eval-data two=/else");
}

TEST_CASE("a command that evaluates names the run's own folders, or glyphs") {
  RunFiles run;
  CHECK(data_options(run) == "--data glyph");
  run.config = Config::from_preset("small");
  run.config->data = {"glyph", "bags"};
  CHECK(data_options(run) == "--data glyph");
  run.config->data = {"glyph", "mine=/a b", "cifar10=/c"};
  CHECK(data_options(run) == "--data 'mine=/a b' --data cifar10=/c");
  run.config->eval_data = {"test=/t"};
  CHECK(data_options(run) == "--data test=/t");
}

TEST_CASE("a run of which nothing is known has every section, each with what it lacks") {
  RunFiles run;
  run.directory = "r";
  for (const Section& s : {curves_section(run), methods_section(run), transfer_section(run),
                           representation_section(run), vae_section(run), training_section(run)}) {
    CAPTURE(s.title);
    CHECK(s.figures.empty());
    CHECK(!s.missing.empty());
    for (const Command& c : s.missing) CHECK(c.line.find("metalearn ") != std::string::npos);
  }
}

TEST_CASE("the numbers of a figure with categories stand in one row a category, under its own name") {
  Evaluation e;
  for (const auto& [name, accuracy] : {std::pair{"relu", 0.7}, {"tanh", 0.6}, {"step", 0.4}})
    for (const double step : {0.0, 3.0})
      e.scores.push_back({.data = "squares",
                          .method = "learned",
                          .head = "ridge",
                          .value = name,
                          .step = step,
                          .accuracy = {step > 0 ? accuracy : 0.25}});
  const std::string page = html_page({"report",
                                      "",
                                      {{.id = "s",
                                        .title = "s",
                                        .caption = "",
                                        .figures = {sweep_figure(e, *metalearn::find_axis("activation"))}}}},
                                     {});
  for (const char* row : {"<td>relu</td><td class=\"number\">0.7</td><td class=\"number\">0.25</td>",
                          "<td>tanh</td><td class=\"number\">0.6</td><td class=\"number\">0.25</td>",
                          "<td>step</td><td class=\"number\">0.4</td><td class=\"number\">0.25</td>"})
    CHECK(page.find(row) != std::string::npos);
}
