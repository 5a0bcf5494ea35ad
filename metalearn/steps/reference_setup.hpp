// ReferenceSetup: rule, architecture and number of steps of a file of reference vectors. Function without
// state.
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

/// Reads /config. Throws checkpoints::BadData if a value is missing or out of range, or a constant differs
/// from the specification.
ReferenceSetup read_reference_setup(const checkpoints::Archive& file);

}  // namespace metalearn
