#include "metalearn/config/presets.hpp"
#include "metalearn/data/sources/load_dataset.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "metalearn/base/finite.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "metalearn/tasks/task.hpp"
#include "outer_fixture.hpp"

using namespace outer_test;

namespace {

/// On the families that need no files.
Config without_files(const std::string& preset) {
  Config c = Config::from_preset(preset);
  c.data = {"mixture", "teacher", "bags"};
  return c;
}

}  // namespace

TEST_CASE(
    "the presets of many tasks draw layers, units and classes in their whole range, and from every family") {
  for (const char* preset : {"paper-tasks", "laptop-tasks"}) {
    CAPTURE(preset);
    const Config c = without_files(preset);
    std::vector<std::shared_ptr<const Dataset>> sets;
    for (const auto& word : c.data) sets.push_back(load_dataset(word, c.task.load));
    const TaskDistribution tasks(c.task, sets, 0);
    std::set<std::int64_t> layers;
    std::set<std::string> families;
    double narrow = 0, wide = 0, units = 0;
    for (std::uint64_t id = 0; id < 200; ++id) {
      const Task task = tasks.draw(Role::train, id);
      const auto& widths = task.widths();
      layers.insert(static_cast<std::int64_t>(widths.size()) - 2);
      families.insert(task.family());
      CHECK(widths.back() == c.rule.N_L);
      CHECK(task.classes() >= 2);
      for (std::size_t l = 1; l + 1 < widths.size(); ++l) {
        CHECK(widths[l] >= c.task.width_min);
        CHECK(widths[l] <= c.task.width_max);
        const double middle = std::sqrt(static_cast<double>(
            c.task.width_min * c.task.width_max));  // half of the units lie below, where they are log-uniform
        narrow += static_cast<double>(widths[l]) < middle;
        wide += static_cast<double>(widths[l]) > 1.5 * middle;
        ++units;
      }
    }
    CHECK(*layers.begin() == c.task.hidden_min);
    CHECK(*layers.rbegin() == c.task.hidden_max);
    CHECK(families == std::set<std::string>{"mixture", "teacher", "bags"});
    CHECK(narrow / units == doctest::Approx(0.5).epsilon(0.2));
    CHECK(wide > 0);
  }
}

TEST_CASE("an update of laptop-tasks, with fewer windows, moves all weights of the rule and stays finite") {
  Folder folder;
  Config c = without_files("laptop-tasks");
  c.tasks = c.in_flight = 3;
  c.window_max = 6;
  c.updates = 2;
  c.validate_every = 0;
  const auto trainer = Trainer::start(c, folder / "run");
  trainer->run([](const Progress& p) {
    CHECK(p.dropped == 0);
    return true;
  });
  CHECK(trainer->update() == 2);
  CHECK(all_finite(trainer->theta()));
  const auto before = initial_theta(c.rule, c.seed);
  for (const auto& tensor : theta_spec(c.rule).tensors) {
    CAPTURE(tensor.name);
    if (tensor.name.ends_with("/b")) continue;  // some stand before a normalisation, which takes them out
    const auto at = static_cast<std::ptrdiff_t>(tensor.offset),
               end = at + static_cast<std::ptrdiff_t>(tensor.size());
    CHECK_FALSE(std::equal(before.begin() + at, before.begin() + end, trainer->theta().begin() + at));
  }
}
