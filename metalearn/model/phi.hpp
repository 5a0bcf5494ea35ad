// phi as one flat array: names, shapes and offsets of the base model's weights, and their initial values
// (specification section 3.2).
#pragma once
#include <cstdint>
#include <vector>

#include "metalearn/model/tensor_list.hpp"

namespace metalearn {

/// W/1.., V/1.., b/1.. (section 3.2).
TensorList phi_spec(const std::vector<std::int64_t>& widths);
/// Drawn from counter-based randomness: a pure function of (seed, stream).
std::vector<float> initial_phi(const std::vector<std::int64_t>& widths, std::uint64_t seed,
                               std::uint64_t stream);

}  // namespace metalearn
