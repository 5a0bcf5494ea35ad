// Apply: a learned rule trains a base model on a user's data without its labels; and the features that the
// model then gives to every example.
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
  dataset,  ///< fixed once over the train split: features do not depend on who shares a batch
  batch,    ///< of each batch of config.batch examples in a row
};

struct ApplyOptions {
  std::int64_t steps = 0;  ///< inner steps
  std::uint64_t seed = 0;  ///< of the batches
  int threads = 1;         ///< 0: all cores
  FeatureStatistics statistics = FeatureStatistics::dataset;
};

/// Changes model.phi by so many steps of the rule model.theta, on unlabelled batches of model.config.batch
/// examples drawn from the train split (a pure function of the seed and the step). REQUIRES widths[0] =
/// set.train.inputs(resolution). Throws checkpoints::Diverged where phi is no longer finite.
void learn(ModelFile& model, const Dataset& set, const ApplyOptions& options);

/// The text as an attribute can hold it, whatever a folder is called: without control characters and bytes
/// that are no UTF-8.
std::string printable(std::string text);

/// phi with its features, as a model file of kind "features" (FORMAT.md): of each split that holds anything,
/// SPLIT/features [n, N_L], SPLIT/labels and SPLIT/index [n]; the fixed statistics; the names of the classes;
/// what made it. Throws Diverged where a feature is not finite, BadData where a split has fewer examples than
/// statistics of a batch need (2). Class names are proper ones (checkpoints::is_proper_name).
checkpoints::Archive features_archive(const ModelFile& model, const Dataset& set,
                                      const ApplyOptions& options);

}  // namespace metalearn
