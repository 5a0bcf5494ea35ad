#include "tools/commands/commands.hpp"

namespace tools {

// Each is defined in the file named after it (import and export: numpy.cpp).
extern const Command kTrain, kResume, kEval, kSweep, kApply, kData, kImport, kExport, kInspect, kVerify,
    kDiff, kReproduce, kPlan, kGradient, kReport, kVectors, kDoctor;

std::span<const Command* const> commands() {
  static constexpr const Command* kCommands[] = {
      &kTrain,  &kResume, &kEval,      &kSweep, &kApply,    &kData,   &kImport,  &kExport, &kInspect,
      &kVerify, &kDiff,   &kReproduce, &kPlan,  &kGradient, &kReport, &kVectors, &kDoctor,
  };
  return kCommands;
}

}  // namespace tools
