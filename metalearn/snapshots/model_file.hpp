// ModelFile: a theta, a base model's phi, or both, in a snapshot file that does not belong to a run. Written
// by `import`, `export` and `apply`.
//
//   kind (attribute of the root)    "model" or, with features in addition to phi, "features"
//   config (attributes)             every configuration key as text
//   theta/<name>, phi/<name>    float32, names and shapes of specification section 3; either may be absent
//   origin (attributes)         of a theta of a run: update, label ("moving average"), and mark, the
//                               evaluation step that meta-validation chose
//   data (attributes)           of a theta of a run: facts about its training data, as in the run's
//                               snapshots
//
// Plain value, functions without state.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoints/archive.hpp"
#include "metalearn/config/config.hpp"

namespace metalearn {

/// Where a theta comes from.
struct Origin {
  std::int64_t update = 0;  ///< of the run
  std::string label = "theta as imported";
  std::optional<std::int64_t> mark = {};     ///< evaluation step that meta-validation chose
  std::vector<std::string> provenance = {};  ///< facts about the data; empty if unknown
};

struct ModelFile {
  std::string file;  ///< where it came from, for messages
  Config config;
  std::vector<float> theta;          ///< flat in the order of theta_spec(config.rule); empty: none
  std::vector<std::int64_t> widths;  ///< N_0 .. N_L of phi; empty: none
  std::vector<float> phi;            ///< flat in the order of phi_spec(widths)
  Origin origin = {};                ///< of theta
};

/// Whether a snapshot is a model file rather than a snapshot of a run.
bool is_model(const checkpoints::Archive& snapshot);

checkpoints::Archive to_archive(const ModelFile& model, const std::string& kind = "model");

/// Throws checkpoints::NoInput, BadData.
ModelFile load_model(const std::string& path);
ModelFile model_from(const checkpoints::Archive& archive);

/// The widths given by the shapes of W/1 .. W/L. shape_of: the shape of one array by its name, or null if it
/// does not exist. Empty without W/1.
template <class ShapeOf>
std::vector<std::int64_t> widths_from(ShapeOf shape_of) {
  std::vector<std::int64_t> widths;
  for (std::size_t l = 1; const std::vector<std::int64_t>* shape = shape_of("W/" + std::to_string(l)); ++l) {
    if (shape->size() != 2) return {};
    if (l == 1) widths.push_back((*shape)[0]);
    widths.push_back((*shape)[1]);
  }
  return widths;
}

}  // namespace metalearn
