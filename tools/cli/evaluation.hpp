// Evaluation: shared by the commands that evaluate a theta: turns their options into a configuration,
// evaluation steps and data sets. Functions without state.
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

/// A configuration key as an option of a command that uses a theta; `note` is appended to its meaning.
Option key_option(const metalearn::ConfigKey& key, const std::string& fallback, const std::string& note);
inline constexpr const char *kAsInTraining = "as in training",
                            *kInsteadOfTraining = ", instead of the training's";
/// The keys that an evaluation may change, and those that theta's shapes depend on. labels_fallback: the
/// default of labels-per-class.
void add_key_options(Usage& usage, const std::string& labels_fallback);

/// Applies the configuration keys of the command line, which must fit theta. An evaluation step that the run
/// chose for other settings is dropped, with a note on stderr. Throws UsageError.
void apply_keys(const Arguments& arguments, metalearn::TrainedTheta& theta);
/// Only the last part, for a theta.config that is already set: --raw, or a key that differs from training,
/// drops the evaluation step.
void keep_mark_where_it_fits(const Arguments& arguments, const metalearn::Config& of_training,
                             metalearn::TrainedTheta& theta);

/// --steps, --layers, --seeds, --draws, --permutation, --threads, --memory and --seed. Throws UsageError.
metalearn::FewShotOptions few_shot_options(const Arguments& arguments, const metalearn::Config& config,
                                           const std::string& steps_fallback, std::int64_t seeds_fallback);

/// Inserts an evaluation step into an ascending list, unless it is there already.
void insert_mark(std::vector<std::int64_t>& steps, std::int64_t mark);

/// The sets that --data names, or those of the configuration if it names none. Throws what load_dataset
/// throws.
Datasets load_sets(const std::vector<std::string>& words, metalearn::Config config);

}  // namespace tools
