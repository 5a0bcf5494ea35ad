// NumpyModel: theta and phi to and from NumPy's .npz, under the names of specification section 3
// ("top_delta/conv0/w", "W/1"). Functions without state.
//
// More arrays may say what shapes do not: config/rule (a text: metz, synaptic), config/representation (N_L,
// of a rule whose shapes do not tell), config/inner_rate (lambda), config/batch (B), config/activation (a
// text); and how the inputs were made: config/resolution, config/colour (0 or 1), config/words.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "metalearn/config/config_key.hpp"
#include "metalearn/snapshots/model_file.hpp"

namespace metalearn {

/// Where the value of such a key (ConfigKey::is_exported) stands: "config/inner_rate" of inner-rate.
std::string array_of(const ConfigKey& key);

/// The rule is told by its names and its sizes are read off the shapes; float64 is rounded to float32. What
/// neither shapes nor config/ say is the paper's: lambda 1e-4, B 128, relu. Throws BadData naming all arrays
/// that are missing, extra or of another shape, and whatever parse_npz and NpyArray refuse.
ModelFile model_from_npz(std::span<const std::byte> bytes, const std::string& name);

/// The bytes of an .npz file that model_from_npz and numpy.load read.
std::vector<std::byte> npz_from_model(const ModelFile& model);

}  // namespace metalearn
