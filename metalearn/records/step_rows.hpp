// StepRows: a run's steps.csv (telemetry = true): a row per inner step of every window that was applied: how
// large the adjoint of phi_t is, and what the step adds to d/dtheta.
//
// They tell where a gradient comes from, and whether it explodes or vanishes on its way back through a
// window. Rows and threads: as RowsFile.
#pragma once
#include <cstdint>
#include <string>

#include "metalearn/windows/gradient_estimator.hpp"

namespace metalearn {

inline constexpr const char* kStepRowsName = "steps.csv";

/// "update,task,step,adjoint_norm,contribution_norm\n". step: t of the inner step. Norms are Euclidean, of
/// the gradient of the SUM of the window's objectives.
std::string step_rows_header();

/// The rows of one window, of which `task` is the task after it; none where the estimate has no norms.
std::string step_rows(std::int64_t update, const InFlight& task, const GradientEstimate& estimate);

}  // namespace metalearn
