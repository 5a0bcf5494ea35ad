// A training of the tiny real model on small_task.hpp's tasks.
#pragma once
#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "metalearn/train/trainer_parts.hpp"
#include "metalearn/windows/windowed.hpp"
#include "small_task.hpp"

namespace outer_test {

template <class Estimator = Windowed>
TrainerParts small_parts(const Config& config) {
  TrainerParts p;
  p.families = {"rows"};
  p.estimator = std::make_unique<Estimator>(config);
  p.make_task = small_tasks(config);
  return p;
}

inline std::vector<float> finish(Trainer& trainer) {
  trainer.run([](const Progress& p) {
    CHECK(p.dropped == 0);
    return true;
  });
  return trainer.theta();
}

}  // namespace outer_test
