#include "metalearn/records/step_rows.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace metalearn;

TEST_CASE(
    "a window has a row per inner step, which begins with the update and tells task, t and both norms; one "
    "without norms has none") {
  InFlight task{7, Task(nullptr), "a", 20, 12, {}};  // after a window of 3 steps
  GradientEstimate e;
  e.steps = 3;
  CHECK(step_rows(5, task, e).empty());
  e.adjoint_norm = {0.5, 1.0 / 3, 2e-20};
  e.contribution_norm = {1, 2, 4e10};
  CHECK(step_rows(5, task, e) == "5,7,9,0.5,1\n5,7,10,0.333333333,2\n5,7,11,2e-20,4e+10\n");
  const std::string header = step_rows_header(), rows = step_rows(5, task, e);
  CHECK(header == "update,task,step,adjoint_norm,contribution_norm\n");
  CHECK(std::count(rows.begin(), rows.end(), ',') == 3 * std::count(header.begin(), header.end(), ','));
}
