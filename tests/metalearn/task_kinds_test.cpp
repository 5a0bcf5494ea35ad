// Tasks on what is no grey image: features, colour, classes held out for reporting.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "metalearn/tasks/task.hpp"

using namespace metalearn;

namespace {

/// 30 examples of each class, 5 features: class, number within the class, and three constants.
ImageSet features(int classes, float mirror) {
  ImageSet set;
  set.feature_count = 5;
  set.mirror = mirror;
  for (int i = 0; i < 30 * classes; ++i) {
    set.labels.push_back(i % classes);
    for (const float x : {static_cast<float>(i % classes), static_cast<float>(i / classes), 3.0f, 4.0f, 5.0f})
      set.features.push_back(x);
  }
  return set;
}

/// 2 x 2 pixels; channel k of an image of class c is 10 c + k everywhere.
ImageSet colours(int classes) {
  ImageSet set{2, 2, {}, {}, 3};
  for (int i = 0; i < 30 * classes; ++i) {
    set.labels.push_back(i % classes);
    for (int k = 0; k < 3; ++k)
      set.pixels.insert(set.pixels.end(), 4, static_cast<std::uint8_t>(10 * (i % classes) + k));
  }
  return set;
}

std::shared_ptr<Dataset> dataset(ImageSet set, int classes) {
  auto data = std::make_shared<Dataset>();
  data->name = "mine";
  for (int c = 0; c < classes; ++c) data->class_names.push_back(std::to_string(c));
  data->train = data->test = data->validation = std::move(set);
  return data;
}

TaskConfig plain() {
  TaskConfig config;
  config.permute = 0;
  config.classes_min = config.classes_max = 3;
  return config;
}

std::vector<float> batch(const Task& task, std::int64_t t = 0, std::int64_t size = 16) {
  std::vector<float> x(static_cast<std::size_t>(task.widths()[0] * size));
  task.unlabelled(t, size, x);
  return x;
}

}  // namespace

TEST_CASE(
    "a task on features has as many inputs as they are, and shows them as they are, unturned and unshifted") {
  TaskConfig config = plain();
  config.rotate = config.shift = 1;
  const auto data = dataset(features(3, 1), 3);
  for (const Task& task :
       {TaskDistribution(config, {data}, 1).draw(Role::train, 0), evaluation_task(data, {8}, config, 1)}) {
    REQUIRE(task.widths()[0] == 5);
    const auto x = batch(task);
    for (std::size_t e = 0; e < 16; ++e) {
      CHECK(x[e] == std::round(x[e]));
      CHECK(x[16 + e] < 30);
      CHECK(x[2 * 16 + e] == 3);
      CHECK(x[4 * 16 + e] == 5);
    }
  }
}

TEST_CASE("features are permuted, inverted about their mirror, and noisy like pixels") {
  TaskConfig config = plain();
  config.permute = 1;
  const auto data = dataset(features(3, 0), 3);
  const auto shown = [&](std::uint64_t id, const TaskConfig& c) {
    const auto x = batch(TaskDistribution(c, {data}, 1).draw(Role::train, id), 0, 1);
    return std::multiset<float>(x.begin(), x.end());
  };
  std::set<std::vector<float>> orders;
  for (std::uint64_t id = 0; id < 8; ++id)
    orders.insert(batch(TaskDistribution(config, {data}, 1).draw(Role::train, id), 0, 1));
  CHECK(orders.size() > 4);
  for (const float constant : {3.0f, 4.0f, 5.0f}) CHECK(shown(0, config).contains(constant));
  config.invert = 1;
  for (const float constant : {-3.0f, -4.0f, -5.0f}) CHECK(shown(0, config).contains(constant));
  const auto ones = dataset(features(3, 1), 3);
  const auto inverted = batch(TaskDistribution(config, {ones}, 1).draw(Role::train, 0), 0, 1);
  for (const float constant : {-2.0f, -3.0f, -4.0f})
    CHECK(std::count(inverted.begin(), inverted.end(), constant) >= 1);
  config.invert = config.permute = 0;
  config.noise = 1;
  CHECK(batch(TaskDistribution(config, {data}, 1).draw(Role::train, 0), 0, 1)[2] != 3);
}

TEST_CASE("a task on colour images has each channel's inputs one after the other") {
  TaskConfig config = plain();
  config.resolution = 4;
  config.rotate = 1;
  const Task task = TaskDistribution(config, {dataset(colours(3), 3)}, 1).draw(Role::train, 3);
  REQUIRE(task.widths()[0] == 48);
  const auto x = batch(task, 0, 8);
  for (std::size_t e = 0; e < 8; ++e)
    for (std::size_t i = 0; i < 48; ++i)
      CHECK(std::lround(x[i * 8 + e] * 255) % 10 == static_cast<long>(i / 16));
}

TEST_CASE("classes kept for reporting are in no other task, and all that an evaluation sees") {
  const auto data = dataset(features(8, 1), 8);
  data->validation_classes = {1, 5};
  data->test_classes = {2, 3, 6};
  TaskConfig config = plain();
  config.classes_min = 2;
  config.classes_max = 8;
  const TaskDistribution tasks(config, {data}, 1);
  const auto seen = [&](const Task& task) {
    std::set<int> classes;
    const auto x = batch(task, 0, 200);
    for (std::size_t e = 0; e < 200; ++e) classes.insert(static_cast<int>(x[e]));
    return classes;
  };
  const auto within = [](const std::set<int>& some, const std::set<int>& all) {
    return std::includes(all.begin(), all.end(), some.begin(), some.end());
  };
  for (std::uint64_t id = 0; id < 10; ++id) {
    CHECK(within(seen(tasks.draw(Role::train, id)), {0, 4, 7}));
    CHECK(within(seen(tasks.draw(Role::validation, id)), {1, 5}));
    CHECK(within(seen(tasks.draw(Role::test, id)), {2, 3, 6}));
  }
  const Task evaluation = evaluation_task(data, {8}, config, 0);
  CHECK(evaluation.classes() == 3);
  CHECK(seen(evaluation) == std::set<int>{2, 3, 6});
}

TEST_CASE("a task says whether its inputs are standardised") {
  CHECK(evaluation_task(dataset(features(3, 0), 3), {8}, plain(), 1).is_standardised());
  CHECK_FALSE(evaluation_task(dataset(features(3, 1), 3), {8}, plain(), 1).is_standardised());
  CHECK_FALSE(evaluation_task(dataset(colours(3), 3), {8}, plain(), 1).is_standardised());
}
