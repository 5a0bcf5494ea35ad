// Fingerprint: is this the data set that bore the name the last time? Function without state.
#pragma once
#include <string>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// 16 hexadecimal digits of how the set is split and of its provenance, which has the checksums of its files.
std::string fingerprint(const Dataset& set);

}  // namespace metalearn
