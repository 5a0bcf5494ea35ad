#include "metalearn/windows/window_plan.hpp"

#include <doctest/doctest.h>

#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/steps/step_measurement.hpp"
#include "small_task.hpp"

using namespace outer_test;

namespace {

StepShape shape_of(const Config& c) { return largest_shape(c, 16, 3); }

std::size_t least_for(const Config& c) {
  const auto tapes = step_profiles(c.rule, shape_of(c));
  return bytes_beside_windows(c, tapes.front()) + autodiff::smallest_memory(c.window_max, tapes);
}

double cost(const WindowPlan& plan, const Config& c) {
  return static_cast<double>((c.tasks + plan.at_once - 1) / plan.at_once) * plan.longest.predicted.seconds;
}

}  // namespace

TEST_CASE(
    "windows that run at one time keep within the budget together, and more memory or threads never cost "
    "more") {
  Config c = small_config();
  c.tasks = 6;
  c.window_max = 20;
  c.length_max = 40;
  const std::size_t least = least_for(c);
  const auto tapes = step_profiles(c.rule, shape_of(c));
  for (const int threads : {1, 2, 4, 64}) {
    c.threads = threads;
    double before = 1e300;
    for (std::size_t memory = least; memory < 12 * least; memory += least / 7) {
      c.memory = memory;
      const WindowPlan plan = plan_windows(c, tapes, {1, 3}, 0);
      CHECK(plan.window == 20);
      CHECK(plan.at_once >= 1);
      CHECK(plan.at_once <= std::min<std::int64_t>(threads, c.tasks));
      CHECK(plan.most_bytes <= memory);
      CHECK(static_cast<std::size_t>(plan.at_once) * plan.longest.peak_bytes < plan.most_bytes);
      CHECK(cost(plan, c) <= before);
      before = cost(plan, c);
    }
    c.memory = std::size_t{1} << 40;
    const WindowPlan plan = plan_windows(c, shape_of(c));
    CHECK(plan.at_once == (threads == 4 ? 3 : std::min(threads, 6)));  // three at a time take as long as four
    CHECK(plan.longest.schedule.name == "store_all");
    CHECK(plan.sub_segments == 1);
    CHECK(to_text(plan, c).find(std::to_string(plan.at_once) + " of 6 windows at a time") !=
          std::string::npos);
  }
}

TEST_CASE(
    "two windows at once that recompute most are not preferred to one after the other that keep all, and the "
    "other way round") {
  Config c = small_config();
  c.tasks = 2;
  c.threads = 2;
  c.window_max = 60;
  c.length_max = 60;
  const std::size_t beside = bytes_beside_windows(c, step_profiles(c.rule, shape_of(c)).front()),
                    least = least_for(c) - beside,
                    slot = autodiff::slot_bytes(static_cast<std::size_t>(phi_spec(shape_of(c).widths).size),
                                                sizeof(float));
  c.memory = beside + 2 * least;  // one slot each: 60 * 61 / 2 steps forward at once, or two times 119
  CHECK(plan_windows(c, shape_of(c)).at_once == 1);
  c.memory = beside + 2 * (least + 20 * slot);
  CHECK(plan_windows(c, shape_of(c)).at_once == 2);
}

TEST_CASE("where not even one window fits, the smallest budget that works is named, and works") {
  Config c = small_config();
  c.memory = least_for(c) - 1;
  CHECK_THROWS_WITH_AS(plan_windows(c, shape_of(c)),
                       doctest::Contains(("the smallest budget that works is " +
                                          std::to_string(c.memory + 1) + " bytes: use --memory")
                                             .c_str()),
                       checkpoints::MemoryBudget);
  ++c.memory;
  CHECK(plan_windows(c, shape_of(c)).at_once == 1);
}

TEST_CASE("the largest shape of a distribution is as large as that of any task it draws") {
  Config c = small_config();
  c.task.width_min = 8;
  c.task.width_max = 21;  // drawn up to 24: rounded to multiples of 8
  c.task.hidden_max = 2;
  const TaskDistribution tasks(c.task, {small_dataset()}, 1);
  const StepShape largest = largest_shape(c, tasks.most_inputs(), tasks.most_classes());
  std::int64_t widest = 0;
  for (std::uint64_t id = 0; id < 200; ++id) {
    const Task task = tasks.draw(Role::train, id);
    CHECK(task.widths().size() <= largest.widths.size());
    CHECK(task.widths().front() == largest.widths.front());
    CHECK(task.classes() <= largest.classes);
    for (std::size_t i = 1; i + 1 < task.widths().size(); ++i) widest = std::max(widest, task.widths()[i]);
  }
  CHECK(widest == largest.widths[1]);
}
