// data: what a data set holds, as the program reads it.
#include <fmt/format.h>

#include <algorithm>

#include "checkpoints/error.hpp"
#include "metalearn/base/word_list.hpp"
#include "metalearn/config/config.hpp"
#include "metalearn/config/config_key.hpp"
#include "metalearn/data/constant_inputs.hpp"
#include "metalearn/data/sources/load_dataset.hpp"
#include "metalearn/data/split.hpp"
#include "metalearn/data/synthetic/synthetic.hpp"
#include "tools/cli/config_source.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/say.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

using metalearn::Dataset;
using metalearn::ImageSet;

struct Split {
  const char* name;
  const ImageSet* set;
};

std::vector<Split> splits(const Dataset& data) {
  return {{"train", &data.train}, {"validation", &data.validation}, {"test", &data.test}};
}

/// Smallest and largest input of a set, as tasks see them (pixels: before the picture is averaged).
std::pair<double, double> range(const ImageSet& set) {
  if (set.count() == 0) return {0, 0};
  if (set.is_images()) {
    const auto [low, high] = std::minmax_element(set.pixels.begin(), set.pixels.end());
    return {*low / 255.0, *high / 255.0};
  }
  const auto [low, high] = std::minmax_element(set.features.begin(), set.features.end());
  return {*low, *high};
}

bool has_pictures(const Dataset& data) { return data.train.is_images() && !data.make; }

std::string size_of(const Dataset& data) {
  const ImageSet& set = data.train;
  if (data.make) return "one feature per pixel of an image at the tasks' resolution";
  if (!set.is_images()) return fmt::format("{} features", set.feature_count);
  return fmt::format("{} x {} pixels, {}", set.height, set.width,
                     set.channels == 1 ? "grey" : "red, green, blue");
}

std::string inputs_of(const Dataset& data) {
  return data.input_note.empty()
             ? fmt::format("{}; bytes as 0 to 1", data.train.channels == 1 ? "grey values" : "colour values")
             : data.input_note;
}

std::vector<std::string> names_of(const Dataset& data, const std::vector<int>& classes) {
  std::vector<std::string> names;
  for (const int c : classes) names.push_back(data.class_names[static_cast<std::size_t>(c)]);
  return names;
}

Json to_json(const Dataset& data) {
  Json json = {{"name", data.name},
               {"kind", data.kind},
               {"source", data.source},
               {"inputs", inputs_of(data)},
               {"synthetic", data.make != nullptr},
               {"channels", has_pictures(data) ? Json(data.train.channels) : Json(nullptr)},
               {"height", has_pictures(data) ? Json(data.train.height) : Json(nullptr)},
               {"width", has_pictures(data) ? Json(data.train.width) : Json(nullptr)},
               {"features", data.train.is_images() ? Json(nullptr) : Json(data.train.feature_count)},
               {"label", data.label_note.empty() ? Json(nullptr) : Json(data.label_note)},
               {"constant_inputs", metalearn::constant_inputs(data.train)},
               {"notes", data.notes},
               {"split", data.split_note},
               {"splits", Json::object()},
               {"classes", Json::array()},
               {"validation_classes", names_of(data, data.validation_classes)},
               {"test_classes", names_of(data, data.test_classes)},
               {"provenance", data.provenance}};
  for (std::size_t c = 0; c < data.class_names.size(); ++c)
    json["classes"].push_back({{"name", data.class_names[c]}});
  for (const auto& [name, set] : splits(data)) {
    const auto [low, high] = range(*set);
    json["splits"][name] = {{"count", set->count()}, {"low", number(low)}, {"high", number(high)}};
    const auto counts = metalearn::count_classes(*set, data.class_names.size());
    for (std::size_t c = 0; c < counts.size(); ++c) json["classes"][c][name] = counts[c];
  }
  return json;
}

void print(const Dataset& data) {
  say("{}: {}\nsource      {}\nexamples    {}\ninputs      {}\nsplit       {}\n", data.name, data.kind,
      data.source, size_of(data), inputs_of(data), data.split_note);
  if (!data.label_note.empty()) say("label       {}\n", data.label_note);
  if (const auto constant = metalearn::constant_inputs(data.train); constant > 0)
    say("constant    {} inputs never vary in the train split\n", constant);
  for (const auto& note : data.notes) say("warning     {}\n", note);
  if (!data.validation_classes.empty())
    say("validation  {}\n", fmt::format("{}", fmt::join(names_of(data, data.validation_classes), ", ")));
  if (!data.test_classes.empty())
    say("test        {}\n", fmt::format("{}", fmt::join(names_of(data, data.test_classes), ", ")));
  constexpr std::size_t kLines = 3;
  for (std::size_t i = 0; i < std::min(kLines, data.provenance.size()); ++i)
    say("file        {}\n", data.provenance[i]);
  if (data.provenance.size() > kLines)
    say("file        ... and {} more (--json lists all)\n", data.provenance.size() - kLines);

  if (data.make) return;  // no split holds examples

  say("\n{:<12}{:>9}{:>11}{:>11}\n", "split", "examples", "lowest", "highest");
  std::vector<std::vector<std::int64_t>> counts;
  for (const auto& [name, set] : splits(data)) {
    const auto [low, high] = range(*set);
    counts.push_back(metalearn::count_classes(*set, data.class_names.size()));
    if (set->count() == 0)
      say("{:<12}{:>9}\n", name, 0);
    else
      say("{:<12}{:>9}{:>11.4g}{:>11.4g}\n", name, set->count(), low, high);
  }
  constexpr std::size_t kClasses = 20;
  std::size_t width = 5;
  for (std::size_t c = 0; c < std::min(kClasses, data.class_names.size()); ++c)
    width = std::max(width, data.class_names[c].size());
  say("\n{:<{}}{:>9}{:>12}{:>9}\n", "class", width, "train", "validation", "test");
  for (std::size_t c = 0; c < std::min(kClasses, data.class_names.size()); ++c)
    say("{:<{}}{:>9}{:>12}{:>9}\n", data.class_names[c], width, counts[0][c], counts[1][c], counts[2][c]);
  if (data.class_names.size() > kClasses)
    say("... and {} more classes (--json lists all)\n", data.class_names.size() - kClasses);
}

std::vector<Option> data_options() {
  std::vector<Option> options = config_options();
  std::erase_if(options, [](const Option& o) { return !metalearn::config_key(o.name).is_of_loading; });
  for (auto& option : options) {
    option.essential = true;
    option.group.clear();
  }
  options.push_back({"json", "", "print JSON"});
  return options;
}

/// The layouts that can be read, from the tables of formats and families.
std::string layouts() {
  constexpr auto line = "  {:<9}  {}\n";
  std::string text = "What DIR may hold; the first of these that is found is read:\n";
  for (const auto* format : metalearn::data_formats())
    text += fmt::format(line, format->name, format->layout);
  text += "Without DIR:\n";
  text += fmt::format(line, "glyph", "letters and digits in installed fonts; with DIR: in the fonts of DIR");
  for (const auto* family : metalearn::synthetic_families())
    text += fmt::format(line, family->name, fmt::format("{}; every task gets its own set", family->kind));
  text.pop_back();
  return text;
}

Usage make_usage() {
  return {"metalearn data NAME=DIR ... [options]",
          "Reads data sets as training and evaluation do and prints kind, counts, classes, ranges of the "
          "inputs, splits and what is held out.",
          data_options(), "NAME=DIR ...", layouts()};
}

int run(const Words& words) {
  const Usage usage = make_usage();
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  if (arguments->words.empty()) throw checkpoints::UsageError("no data set; usage: " + usage.synopsis);
  metalearn::Config config;
  for (const metalearn::ConfigKey& key : metalearn::keys_where(&metalearn::ConfigKey::is_of_loading))
    if (const auto value = arguments->find(key.name)) set_option(config, key.name, *value);
  set_option(config, "data", metalearn::join_list(arguments->words));
  Json all = Json::array();
  for (const auto& word : config.data) {
    const auto set = metalearn::load_dataset(word, config.task.load);
    if (arguments->has("json")) {
      all.push_back(to_json(*set));
      continue;
    }
    if (word != config.data.front()) say("\n");
    print(*set);
  }
  if (arguments->has("json")) print_json(all);
  return 0;
}

}  // namespace

extern const Command kData{"data", "what a data set holds, as it is read", make_usage, run};

}  // namespace tools
