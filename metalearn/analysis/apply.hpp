// Apply: a learned rule trains a base model on a user's data without labels; then computes the model's
// features of every example.
//
// Functions without state; results do not depend on the threads.
#pragma once
#include <cstdint>
#include <vector>

#include "checkpoints/archive.hpp"
#include "metalearn/data/dataset.hpp"
#include "metalearn/snapshots/model_file.hpp"

namespace metalearn {

enum class FeatureStatistics {
  dataset,  ///< fixed once over the train split: features do not depend on the rest of the batch
  batch,    ///< of each batch of config.batch consecutive examples
};

struct ApplyOptions {
  std::int64_t steps = 0;  ///< inner steps
  std::uint64_t seed = 0;  ///< of the batches
  int threads = 1;         ///< 0: all cores
  FeatureStatistics statistics = FeatureStatistics::dataset;
};

/// Trains model.phi for options.steps inner steps of the rule model.theta, on unlabelled batches of
/// model.config.batch examples drawn from the train split (a pure function of the seed and the step).
/// REQUIRES widths[0] = set.train.inputs(resolution). Throws checkpoints::Diverged if phi is no longer
/// finite.
void learn(ModelFile& model, const Dataset& set, const ApplyOptions& options);

/// The text in a form that an attribute can hold: without control characters and invalid UTF-8.
std::string printable(std::string text);

/// phi with its features, as a model file of kind "features" (FORMAT.md): for each non-empty split,
/// SPLIT/features [n, N_L], SPLIT/labels and SPLIT/index [n]; the fixed statistics; class names; how it was
/// made. Throws Diverged if a feature is not finite, BadData if a split has fewer than the 2 examples that
/// batch statistics need. Class names are proper names (checkpoints::is_proper_name).
checkpoints::Archive features_archive(const ModelFile& model, const Dataset& set,
                                      const ApplyOptions& options);

}  // namespace metalearn
