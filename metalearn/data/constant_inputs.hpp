// ConstantInputs: inputs that have the same value in every example of a set, from which nothing can be
// learned. Pure functions.
#pragma once
#include <cstdint>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// How many inputs never vary, at the set's own resolution; 0 of a set without examples.
std::int64_t constant_inputs(const ImageSet& set);

/// Throws BadData, naming the set and the split, where no input of a split varies.
void require_varying_inputs(const Dataset& data);

}  // namespace metalearn
