// ReferenceSetup: what a file of reference vectors says of its rule, architecture and number of steps.
// Function without state.
#pragma once
#include <cstdint>

#include "checkpoints/archive.hpp"
#include "metalearn/model/rule_config.hpp"

namespace metalearn {

struct ReferenceSetup {
  RuleConfig rule;
  StepShape shape;
  std::int64_t steps = 0;
};

/// From /config. Throws checkpoints::BadData where something is missing, out of range, or made with other
/// constants than the specification's.
ReferenceSetup read_reference_setup(const checkpoints::Archive& file);

}  // namespace metalearn
