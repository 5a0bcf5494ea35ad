// Fingerprint: detects whether a name still stands for the same data set. Function without state.
#pragma once
#include <string>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// 16 hexadecimal digits: a hash of how the set is split and of its provenance, which has the checksums of
/// its files.
std::string fingerprint(const Dataset& set);

}  // namespace metalearn
