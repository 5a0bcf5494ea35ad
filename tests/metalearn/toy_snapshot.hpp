// A snapshot of the toy's run after 12 updates and one validation.
#pragma once
#include <vector>

#include "metalearn/rules/update_rule.hpp"
#include "metalearn/snapshots/run_state.hpp"
#include "outer_fixture.hpp"

namespace outer_test {

inline checkpoints::Archive toy_snapshot(const Config& c) {
  const TrainerParts parts = toy_parts()(c);
  InFlightPool pool(c, parts.make_task);
  pool.fill(*parts.estimator, std::vector<float>(10, 0.5f), autodiff::Parallel(1));
  RunState state = RunState::begin(initial_theta(c.rule, 3));
  state.update = 12;
  state.validation = {{10, {25, 1.25, 0.5}}};
  return to_archive(c, state, pool, {"one fact"});
}

}  // namespace outer_test
