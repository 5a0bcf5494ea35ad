#include "tools/cli/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "checkpoints/error.hpp"
#include "metalearn/data/sources/load_dataset.hpp"
#include "tools/cli/config_source.hpp"
#include "tools/cli/say.hpp"
#include "tools/cli/theta_notes.hpp"

namespace tools {

using checkpoints::UsageError;
using metalearn::FewShotOptions;

const std::vector<std::string>& shape_keys() {
  static const std::vector<std::string> keys = {"rule",          "h-size",         "h-layers",
                                                "top-size",      "top-layers",     "delta-size",
                                                "grad-channels", "representation", "identical-updates"};
  return keys;
}

const std::vector<std::string>& free_keys() {
  static const std::vector<std::string> keys = {"activation", "inner-rate", "batch",           "resolution",
                                                "colour",     "words",      "labels-per-class"};
  return keys;
}

void add_key_options(Usage& usage, const std::string& labels_fallback) {
  for (const auto* keys : {&free_keys(), &shape_keys()})
    for (const auto& key : *keys)
      usage.options.push_back({key, "X",
                               keys == &free_keys() ? "configuration key, instead of the training's"
                                                    : "configuration key; must be as theta has it",
                               key == "labels-per-class" ? labels_fallback : "as in training", false, false});
}

void apply_keys(const Arguments& arguments, metalearn::TrainedTheta& theta) {
  const metalearn::Config of_training = theta.config;
  const auto trained = of_training.to_map();
  for (const auto& key : shape_keys())
    if (const auto asked = arguments.find(key)) {
      metalearn::Config wanted = theta.config;
      set_option(wanted, key, *asked);
      if (wanted.to_map().at(key) != trained.at(key))
        throw UsageError(fmt::format(
            "--{} {} does not fit theta: {} has {} = {}; leave the option out or use a theta of that size",
            key, *asked, theta.file, key, trained.at(key)));
    }
  for (const auto& key : free_keys())
    if (const auto asked = arguments.find(key)) set_option(theta.config, key, *asked);
  note_departures(theta.config, of_training, theta.file);
  keep_mark_where_it_fits(arguments, of_training, theta);
}

void keep_mark_where_it_fits(const Arguments& arguments, const metalearn::Config& of_training,
                             metalearn::TrainedTheta& theta) {
  const auto trained = of_training.to_map();
  std::string useless = arguments.has("raw") ? "it was chosen for the moving average, not for --raw" : "";
  for (const auto& key : free_keys())
    if (const auto now = theta.config.to_map().at(key); now != trained.at(key))
      useless = fmt::format("--{} is {}, in the run it was {}", key, now, trained.at(key));
  if (!theta.mark || useless.empty()) return;
  say(stderr, "note: the mark that the run chose ({} inner steps) is not used: {}\n", *theta.mark, useless);
  theta.mark.reset();
}

FewShotOptions few_shot_options(const Arguments& arguments, const metalearn::Config& config,
                                const std::string& steps_fallback, std::int64_t seeds_fallback) {
  FewShotOptions options;
  const auto steps = whole_list("steps", arguments.find("steps").value_or(steps_fallback), 0, 100000);
  if (std::adjacent_find(steps.begin(), steps.end(), std::greater_equal<>()) != steps.end())
    throw UsageError("--steps: the marks do not ascend; write them as 0,10,25");
  options.steps.assign(steps.begin(), steps.end());
  const auto layers = whole_list("layers", arguments.find("layers").value_or("64,64"), 2, 16384);
  options.hidden.assign(layers.begin(), layers.end());
  options.seeds = arguments.whole("seeds", seeds_fallback, 1, 10000);
  options.draws = arguments.whole("draws", 5, 1, 10000);
  options.batch = config.batch;
  options.labels_per_class = config.task.labels_per_class;
  options.permutation = static_cast<std::uint64_t>(arguments.whole("permutation", 0, 0, 1000000));
  options.threads = static_cast<int>(arguments.whole("threads", 0, 0, 4096));
  options.memory = arguments.bytes("memory");
  options.seed =
      static_cast<std::uint64_t>(arguments.whole("seed", 0, 0, std::numeric_limits<long long>::max()));
  return options;
}

void insert_mark(std::vector<std::int64_t>& steps, std::int64_t mark) {
  const auto place = std::lower_bound(steps.begin(), steps.end(), mark);
  if (place == steps.end() || *place != mark) steps.insert(place, mark);
}

Datasets load_sets(const std::vector<std::string>& words, metalearn::Config config) {
  if (!words.empty()) set_option(config, "data", metalearn::join_list(words));
  if (config.data.empty()) throw UsageError("what was trained on is not known; give --data NAME=DIR");
  Datasets sets;
  for (const auto& word : config.data) sets.push_back(metalearn::load_dataset(word, config.task.load));
  return sets;
}

}  // namespace tools
