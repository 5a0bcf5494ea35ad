// StepRows: a run's steps.csv (telemetry = true): a row per inner step of every applied window: the norm of
// the adjoint of phi_t, and of the step's contribution to d/dtheta.
//
// They show which steps contribute to a gradient, and whether it explodes or vanishes on the way back through
// a window. Rows and threads: as RowsFile.
#pragma once
#include <cstdint>
#include <string>

#include "metalearn/windows/gradient_estimator.hpp"

namespace metalearn {

inline constexpr const char* kStepRowsName = "steps.csv";

/// "update,task,step,adjoint_norm,contribution_norm\n". step: t of the inner step. Norms are Euclidean, of
/// the gradient of the SUM of the window's objectives.
std::string step_rows_header();

/// The rows of one window; `task` is the task after it. Empty if the estimate has no norms.
std::string step_rows(std::int64_t update, const InFlight& task, const GradientEstimate& estimate);

}  // namespace metalearn
