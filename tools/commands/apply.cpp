// apply: a learned rule on a user's own data: features for every example.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

#include "checkpoints/error.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/analysis/apply.hpp"
#include "metalearn/data/sources/load_dataset.hpp"
#include "metalearn/model/phi.hpp"
#include "metalearn/snapshots/trained_theta.hpp"
#include "tools/cli/config_source.hpp"
#include "tools/cli/evaluation.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/output_file.hpp"
#include "tools/cli/say.hpp"
#include "tools/cli/theta_notes.hpp"
#include "tools/cli/theta_source.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

using checkpoints::UsageError;
using metalearn::ConfigKey;
using metalearn::ModelFile;

/// Keys whose value may differ from the training's: those that an evaluation may change and that do not
/// concern labels.
auto free_keys() {
  return metalearn::keys_where([](const ConfigKey& key) { return key.is_free && key.is_exported; });
}
constexpr std::int64_t kSteps = 100;

Usage make_usage() {
  Usage usage{"metalearn apply [--theta FILE|RUN] --data NAME=DIR --out FEATURES.h5 [options]",
              "Lets a learned rule train a base model on a data set, without its labels, and writes the "
              "features of every example and the base model (phi).",
              {{"theta", "FILE|RUN",
                "snapshot, imported theta, or run directory: its best snapshot on meta-validation tasks",
                "the theta that comes with the program"},
               {"data", "NAME[=DIR]", "the data set (metalearn data --help lists the kinds)"},
               {"out", "FEATURES.h5",
                "the HDF5 file to write: train/features, train/labels, train/index, validation/... (of "
                "cifar10 and imagenet also part of train), test/..., phi/..."},
               force_option(),
               {"steps", "N", "inner steps; 0 .. 1000000",
                "the number that meta-validation chose for the training's settings, or else 100"},
               {"statistics", "dataset|batch",
                "batch norm statistics. dataset: fixed over the train split, so features do not depend on "
                "the rest of the batch; batch: of each batch",
                "dataset"},
               {"layers", "N,N,...", "units of the base model's hidden layers", "64,64"},
               {"phi", "FILE",
                "start from the phi in this file (of import or apply) instead of random weights; with "
                "--steps 0 no theta is needed"},
               {"seed", "N", "of random weights and batches; 0 .. 9223372036854775807", "0"},
               {"threads", "N", "threads; 0: all cores; 0 .. 4096", "0"},
               {"raw", "", "use theta itself, not its moving average"}},
              "",
              "index is the position of an example in its part of the source: class folders are ordered by "
              "the names of classes and files, other formats keep the order of the file."};
  for (const ConfigKey& key : free_keys())
    usage.options.push_back(key_option(key, kAsInTraining, kInsteadOfTraining));
  return usage;
}

/// Theta and the initial phi.
ModelFile make_model(const Arguments& arguments, const metalearn::Dataset& set, metalearn::Config config,
                     std::vector<float> theta) {
  ModelFile model{"", std::move(config), std::move(theta), {}, {}};
  const std::int64_t inputs = set.train.inputs(model.config.task.resolution);
  if (const auto path = arguments.find("phi")) {
    if (arguments.has("layers"))
      throw UsageError("--layers has no effect with --phi, which has its own layers; leave it out");
    require_input(*path, "a phi of import or apply (*.h5)");
    ModelFile from = metalearn::load_model(*path);
    if (from.phi.empty())
      throw checkpoints::BadData(fmt::format("{}: holds no phi; import one, or leave out --phi", *path));
    if (from.widths[0] != inputs)
      throw checkpoints::BadData(
          fmt::format("{}: a phi for {} inputs, but an example of data '{}' has {}; set --resolution, "
                      "--colour or --words to match the phi",
                      *path, from.widths[0], set.name, inputs));
    if (!model.theta.empty() && from.widths.back() != model.config.rule.N_L)
      throw checkpoints::BadData(fmt::format(
          "{}: a phi with {} units in the last layer, but theta needs {} (N_L); use another theta", *path,
          from.widths.back(), model.config.rule.N_L));
    model.widths = from.widths;
    model.phi = std::move(from.phi);
    return model;
  }
  model.widths = {inputs};
  for (const auto units : whole_list("layers", arguments.find("layers").value_or("64,64"), 2, 16384))
    model.widths.push_back(units);
  model.widths.push_back(model.config.rule.N_L);
  model.phi = metalearn::initial_phi(
      model.widths,
      static_cast<std::uint64_t>(arguments.whole("seed", 0, 0, std::numeric_limits<long long>::max())), 0);
  return model;
}

int run(const Words& words) {
  const auto arguments = parse(make_usage(), words);
  if (!arguments) return 0;
  const auto theta_word = arguments->find("theta"), data_word = arguments->find("data");
  const bool learns = theta_word || !(arguments->has("phi") && arguments->whole("steps", -1, 0, 1000000) ==
                                                                   0);  // --phi FILE --steps 0 needs no theta
  if (!data_word) throw UsageError("no data set; give --data NAME=DIR");
  const OutputFile out = required_output(*arguments, {&kFeatures});
  metalearn::ApplyOptions options;
  const std::string statistics = arguments->find("statistics").value_or("dataset");
  if (statistics != "dataset" && statistics != "batch")
    throw UsageError(fmt::format("unknown --statistics '{}' (allowed: dataset, batch)", statistics));
  options.statistics =
      statistics == "batch" ? metalearn::FeatureStatistics::batch : metalearn::FeatureStatistics::dataset;
  options.seed =
      static_cast<std::uint64_t>(arguments->whole("seed", 0, 0, std::numeric_limits<long long>::max()));
  options.threads = static_cast<int>(arguments->whole("threads", 0, 0, 4096));

  metalearn::TrainedTheta theta;
  if (learns) {
    theta = theta_word ? load_theta(*theta_word, arguments->has("raw")) : kept_theta(arguments->has("raw"));
  } else {
    require_input(*arguments->find("phi"), "a phi of import or apply (*.h5)");
    theta.config = metalearn::load_model(*arguments->find("phi")).config;
  }
  const metalearn::Config of_training = theta.config;
  for (const ConfigKey& key : free_keys())
    if (const auto value = arguments->find(key.name)) set_option(theta.config, key.name, *value);
  if (learns) note_departures(theta.config, of_training, theta.file);
  if (learns && !arguments->has("steps")) keep_mark_where_it_fits(*arguments, of_training, theta);
  options.steps = arguments->whole("steps", theta.mark.value_or(kSteps), 0, 1000000);
  metalearn::Config config = theta.config;
  set_option(config, "data", *data_word);

  const auto set = metalearn::load_dataset(*data_word, config.task.load);
  metalearn::require_own_examples(*set);
  for (const auto& note : set->notes) say(stderr, "warning: {}\n", note);
  ModelFile model = make_model(*arguments, *set, config, theta.theta);
  metalearn::learn(model, *set, options);
  auto archive = metalearn::features_archive(model, *set, options);
  if (learns) archive.set("apply", "theta", metalearn::printable(theta.file));
  if (!arguments->has("phi")) archive.set("apply", "phi_seed", static_cast<std::int64_t>(options.seed));
  out.write(checkpoints::snapshot_bytes(archive));

  if (learns) say("theta: {}\n       {}\n", theta.file, theta.label);
  say("data:  {}: {}\nphi:   {} after {} inner steps\n", set->name, set->split_note,
      fmt::join(model.widths, "-"), options.steps);
  for (const auto& [name, split] :
       {std::pair{"train", &set->train}, {"validation", &set->validation}, {"test", &set->test}})
    if (split->count() > 0) say("{}/features: {} x {}\n", name, split->count(), model.widths.back());
  say("written: {}\n", out.path());
  return 0;
}

}  // namespace

extern const Command kApply{"apply", "a learned rule on your own data: features for every example",
                            make_usage, run};

}  // namespace tools
