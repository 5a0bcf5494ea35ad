// Evaluation: what the commands that evaluate a theta have in common: how their options become a
// configuration, marks and data sets. Functions without state.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "metalearn/config/config_key.hpp"
#include "metalearn/evaluate/few_shot.hpp"
#include "metalearn/snapshots/trained_theta.hpp"
#include "tools/cli/options.hpp"

namespace tools {

using Datasets = std::vector<std::shared_ptr<const metalearn::Dataset>>;

/// A configuration key as an option of a command that uses a theta; `note` ends its meaning.
Option key_option(const metalearn::ConfigKey& key, const std::string& fallback, const std::string& note);
inline constexpr const char *kAsInTraining = "as in training",
                            *kInsteadOfTraining = ", instead of the training's";
/// The keys that an evaluation may set otherwise than the training, and those that theta's shapes depend on.
/// labels_fallback: what labels-per-class is where it is not given.
void add_key_options(Usage& usage, const std::string& labels_fallback);

/// What the command line says about the configuration must fit theta. A mark that the run chose for other
/// settings is dropped, and why is said on stderr. Throws UsageError.
void apply_keys(const Arguments& arguments, metalearn::TrainedTheta& theta);
/// The last part of it alone, where theta.config is settled already: --raw, or a key that differs from
/// training, drops the mark.
void keep_mark_where_it_fits(const Arguments& arguments, const metalearn::Config& of_training,
                             metalearn::TrainedTheta& theta);

/// --steps, --layers, --seeds, --draws, --permutation, --threads, --memory and --seed. Throws UsageError.
metalearn::FewShotOptions few_shot_options(const Arguments& arguments, const metalearn::Config& config,
                                           const std::string& steps_fallback, std::int64_t seeds_fallback);

/// Puts a mark where it belongs among those that ascend, once.
void insert_mark(std::vector<std::int64_t>& steps, std::int64_t mark);

/// The sets that --data names; none named: those of the configuration. Throws what load_dataset throws.
Datasets load_sets(const std::vector<std::string>& words, metalearn::Config config);

}  // namespace tools
