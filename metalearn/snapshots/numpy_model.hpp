// NumpyModel: theta and phi to and from NumPy's .npz, under the names of specification section 3
// ("top_delta/conv0/w", "W/1"). Functions without state.
//
// Optional arrays hold what shapes do not show: config/rule (a text: metz, synaptic), config/representation
// (N_L, for a rule whose shapes do not show it), config/inner_rate (lambda), config/batch (B),
// config/activation (a text); and how the inputs were made: config/resolution, config/colour (0 or 1),
// config/words.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "metalearn/config/config_key.hpp"
#include "metalearn/snapshots/model_file.hpp"

namespace metalearn {

/// The array that holds an exported key (ConfigKey::is_exported): "config/inner_rate" for inner-rate.
std::string array_of(const ConfigKey& key);

/// Infers the rule from the names and its sizes from the shapes; rounds float64 to float32. Values that
/// neither shapes nor config/ give are the paper's: lambda 1e-4, B 128, relu. Throws BadData naming all
/// arrays that are missing, extra or of another shape, and what parse_npz and NpyArray throw.
ModelFile model_from_npz(std::span<const std::byte> bytes, const std::string& name);

/// The bytes of an .npz file that model_from_npz and numpy.load read.
std::vector<std::byte> npz_from_model(const ModelFile& model);

}  // namespace metalearn
