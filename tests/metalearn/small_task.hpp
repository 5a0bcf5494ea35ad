// A data set of a few coloured-noise images in memory, and tasks drawn from it: what the tests of windows
// with the real model share.
#pragma once
#include <memory>

#include "metalearn/base/random.hpp"
#include "metalearn/model/phi.hpp"
#include "metalearn/windows/in_flight.hpp"
#include "outer_fixture.hpp"

namespace outer_test {

/// 3 classes of 24 images of 6 x 6: each class has its own bright rows.
inline std::shared_ptr<const Dataset> small_dataset(const std::string& name = "rows") {
  auto set = std::make_shared<Dataset>();
  set->name = name;
  set->source = "made up";
  set->class_names = {"0", "1", "2"};
  Random random(7, purpose(name));
  for (ImageSet* images : {&set->train, &set->test}) {
    images->height = images->width = 6;
    for (std::int32_t i = 0; i < 72; ++i) {
      images->labels.push_back(i % 3);
      for (int p = 0; p < 36; ++p)
        images->pixels.push_back(
            static_cast<std::uint8_t>(random.below(100) + (p / 12 == i % 3 ? 120u : 0u)));
    }
  }
  return set;
}

/// H = S = 4, D = G = 2, base 16-8-4 (a hidden layer of 8), batches of 8, 3 labels per class.
inline Config small_config() {
  Config c = tiny_config();
  c.data = {"rows"};
  c.rule.inner_rate = 1e-2;
  c.task.resolution = 4;
  c.task.hidden_min = c.task.hidden_max = 1;
  c.task.width_min = c.task.width_max = 8;
  c.task.labels_per_class = 3;
  return c;
}

inline TaskMaker small_tasks(const Config& config) {
  const TaskDistribution tasks(config.task, {small_dataset()}, config.seed);
  return [tasks](std::uint64_t id) {
    const Task task = tasks.draw(Role::train, id);
    return InFlight{id, task, task.family(), 0, 0, initial_phi(task.widths(), 11, id)};
  };
}

}  // namespace outer_test
