#include "tools/cli/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "checkpoints/error.hpp"
#include "metalearn/base/word_list.hpp"
#include "metalearn/data/sources/load_dataset.hpp"
#include "tools/cli/config_source.hpp"
#include "tools/cli/say.hpp"
#include "tools/cli/theta_notes.hpp"

namespace tools {

using checkpoints::UsageError;
using metalearn::ConfigKey;
using metalearn::FewShotOptions;
using metalearn::keys_where;

Option key_option(const metalearn::ConfigKey& key, const std::string& fallback, const std::string& note) {
  return {.name = key.name,
          .value = key.placeholder,
          .meaning = "configuration key" + note,
          .fallback = fallback,
          .essential = false};
}

void add_key_options(Usage& usage, const std::string& labels_fallback) {
  for (const ConfigKey& key : keys_where(&ConfigKey::is_free))
    usage.options.push_back(key_option(key, key.name == "labels-per-class" ? labels_fallback : kAsInTraining,
                                       kInsteadOfTraining));
  for (const ConfigKey& key : keys_where(&ConfigKey::shapes_theta))
    usage.options.push_back(key_option(key, kAsInTraining, "; must be as theta has it"));
}

void apply_keys(const Arguments& arguments, metalearn::TrainedTheta& theta) {
  const metalearn::Config of_training = theta.config;
  for (const ConfigKey& key : keys_where(&ConfigKey::shapes_theta))
    if (const auto asked = arguments.find(key.name)) {
      metalearn::Config wanted = theta.config;
      set_option(wanted, key.name, *asked);
      if (key.text(wanted) != key.text(of_training))
        throw UsageError(fmt::format(
            "--{} {} does not fit theta: {} has {} = {}; leave the option out or use a theta with that value",
            key.name, *asked, theta.file, key.name, key.text(of_training)));
    }
  for (const ConfigKey& key : keys_where(&ConfigKey::is_free))
    if (const auto asked = arguments.find(key.name)) set_option(theta.config, key.name, *asked);
  note_departures(theta.config, of_training, theta.file);
  keep_mark_where_it_fits(arguments, of_training, theta);
}

void keep_mark_where_it_fits(const Arguments& arguments, const metalearn::Config& of_training,
                             metalearn::TrainedTheta& theta) {
  std::string useless = arguments.has("raw") ? "it was chosen for the moving average, not for --raw" : "";
  for (const ConfigKey& key : keys_where(&ConfigKey::is_free))
    if (const auto now = key.text(theta.config), trained = key.text(of_training); now != trained)
      useless = fmt::format("--{} is {}, but was {} in the run", key.name, now, trained);
  if (!theta.mark || useless.empty()) return;
  say(stderr, "note: the evaluation step that the run chose ({} inner steps) is not used: {}\n", *theta.mark,
      useless);
  theta.mark.reset();
}

FewShotOptions few_shot_options(const Arguments& arguments, const metalearn::Config& config,
                                const std::string& steps_fallback, std::int64_t seeds_fallback) {
  FewShotOptions options;
  const auto steps = whole_list("steps", arguments.find("steps").value_or(steps_fallback), 0, 100000);
  if (std::adjacent_find(steps.begin(), steps.end(), std::greater_equal<>()) != steps.end())
    throw UsageError("--steps: the evaluation steps do not ascend; write them as 0,10,25");
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
  if (config.data.empty()) throw UsageError("the training data is not known; give --data NAME=DIR");
  Datasets sets;
  for (const auto& word : config.data) {
    sets.push_back(metalearn::load_dataset(word, config.task.load));
    for (const auto& note : sets.back()->notes) say(stderr, "warning: {}\n", note);
  }
  return sets;
}

}  // namespace tools
