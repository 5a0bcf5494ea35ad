#include "metalearn/data/synthetic/synthetic.hpp"
#include "metalearn/data/sources/load_dataset.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <set>
#include <thread>

#include "data_fixture.hpp"
#include "metalearn/data/split.hpp"
#include "metalearn/tasks/task.hpp"

using namespace metalearn;
using namespace fixture;

namespace {

ImageSet make(const std::string& name, std::uint64_t task,
              const SyntheticSize& size = {196, 10, kSyntheticPerClass}) {
  Random random(1, task, purpose("test of synthetic families"));
  return synthetic_family(name)->make(size, random);
}

TaskConfig plain() {
  TaskConfig config;
  config.permute = 0;
  return config;
}

std::vector<float> unlabelled(const Task& task, std::int64_t t = 0, std::int64_t batch = 64) {
  std::vector<float> x(static_cast<std::size_t>(task.widths()[0] * batch));
  task.unlabelled(t, batch, x);
  return x;
}

/// Share of batch b whose nearest class mean of batch a, in the inputs as they are, is the right one.
double nearest_mean(const Task& task, int labels_per_class) {
  const auto classes = static_cast<std::size_t>(task.classes()),
             n = classes * static_cast<std::size_t>(labels_per_class),
             N = static_cast<std::size_t>(task.widths()[0]);
  std::vector<float> x(N * 2 * n);
  std::vector<std::int32_t> labels(2 * n);
  task.labelled(0, 0, x, labels);
  std::vector<double> means(classes * N, 0.0);
  for (std::size_t e = 0; e < n; ++e)
    for (std::size_t i = 0; i < N; ++i)
      means[static_cast<std::size_t>(labels[e]) * N + i] +=
          static_cast<double>(x[i * 2 * n + e]) / labels_per_class;
  std::size_t right = 0;
  for (std::size_t e = n; e < 2 * n; ++e) {
    std::vector<double> distance(classes, 0.0);
    for (std::size_t c = 0; c < classes; ++c)
      for (std::size_t i = 0; i < N; ++i)
        distance[c] += std::pow(static_cast<double>(x[i * 2 * n + e]) - means[c * N + i], 2);
    right += static_cast<std::size_t>(std::min_element(distance.begin(), distance.end()) -
                                      distance.begin()) == static_cast<std::size_t>(labels[e]);
  }
  return static_cast<double>(right) / static_cast<double>(n);
}

std::uint64_t checksum(const ImageSet& set) {
  Bytes bytes;
  for (const float x : set.features) put(bytes, std::bit_cast<std::uint32_t>(x));
  return example_key(bytes);
}

}  // namespace

TEST_CASE(
    "a synthetic set has its classes in balance, finite inputs in 0 .. 1, and words that occur or don't") {
  for (const auto& name : synthetic_names())
    for (const SyntheticSize& size :
         {SyntheticSize{196, 10, 128}, SyntheticSize{16, 2, 40}, SyntheticSize{64, 7, 200}})
      for (std::uint64_t task = 0; task < 5; ++task) {
        CAPTURE(name);
        const ImageSet set = make(name, task, size);
        CHECK(set.count() == size.classes * size.per_class);
        CHECK(set.inputs(14) == size.inputs);
        CHECK(set.features.size() == static_cast<std::size_t>(set.count() * size.inputs));
        CHECK(set.mirror == 1);
        CHECK(count_classes(set, static_cast<std::size_t>(size.classes)) ==
              std::vector<std::int64_t>(static_cast<std::size_t>(size.classes), size.per_class));
        const auto [low, high] = std::minmax_element(set.features.begin(), set.features.end());
        CHECK(*low >= 0);
        CHECK(*high <= 1);
        CHECK(*high - *low > 0.3f);
        CHECK(std::none_of(set.features.begin(), set.features.end(), [](float x) { return std::isnan(x); }));
        if (name == "bags")
          CHECK(std::set<float>(set.features.begin(), set.features.end()) == std::set<float>{0, 1});
      }
}

TEST_CASE("a bag of words is sparse, and words differ in frequency as Zipf has it") {
  double most = 0, mean = 0;
  for (std::uint64_t task = 0; task < 10; ++task) {
    const ImageSet set = make("bags", task);
    std::vector<double> share(196, 0.0);
    for (std::size_t i = 0; i < set.features.size(); ++i)
      share[i % 196] += static_cast<double>(set.features[i]) / static_cast<double>(set.count());
    most += *std::max_element(share.begin(), share.end()) / 10;
    for (const double s : share) mean += s / 1960;
  }
  CHECK(mean > 0.05);
  CHECK(mean < 0.3);
  CHECK(most > 3 * mean);
}

TEST_CASE("a set is a pure function of its stream, with the bits that its generator's version stands for") {
  // Other bits need another version in synthetic.cpp, so that a resume notices.
  const std::map<std::string, std::uint64_t> known = {
      {"bags", 3024253095410175546u}, {"mixture", 865197585648905482u}, {"teacher", 5501571408202336798u}};
  for (const auto& name : synthetic_names()) {
    CAPTURE(name);
    const ImageSet set = make(name, 0);
    CHECK(checksum(set) == known.at(name));
    CHECK(make(name, 0).features == set.features);
    CHECK(make(name, 1).features != set.features);
    CHECK(synthetic_family(name)->provenance == std::vector<std::string>{"generator, version 1"});
  }
  CHECK(!synthetic_family("glyph"));
}

TEST_CASE(
    "every task of a synthetic family has a set of its own, the same each time it is drawn, from any thread, "
    "and other ones for each role") {
  for (const auto& name : synthetic_names()) {
    CAPTURE(name);
    const TaskDistribution tasks(plain(), {load_dataset(name)}, 3);
    const Task task = tasks.draw(Role::train, 7);
    CHECK(task.family() == name);
    CHECK(task.widths()[0] == 196);
    CHECK(!task.is_standardised());
    const auto x = unlabelled(task);
    std::vector<float> elsewhere;
    std::thread([&] {
      elsewhere = unlabelled(TaskDistribution(plain(), {load_dataset(name)}, 3).draw(Role::train, 7));
    }).join();
    CHECK(elsewhere == x);
    // Means over the examples differ from task to task: it is not only the draw of the examples.
    const auto means = [](const Task& of) {
      const auto batch = unlabelled(of, 1, 1000);
      std::vector<double> mean(196, 0.0);
      for (std::size_t i = 0; i < batch.size(); ++i) mean[i / 1000] += static_cast<double>(batch[i]) / 1000;
      return mean;
    };
    const auto apart = [](const std::vector<double>& a, const std::vector<double>& b) {
      double sum = 0;
      for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]) / static_cast<double>(a.size());
      return sum;
    };
    const auto own = means(task);
    const TaskDistribution other_seed(plain(), {load_dataset(name)}, 4);
    for (const Task& other : {tasks.draw(Role::train, 8), tasks.draw(Role::validation, 7),
                              tasks.draw(Role::test, 7), other_seed.draw(Role::train, 7)})
      CHECK(apart(means(other), own) > 0.03);
  }
}

TEST_CASE(
    "synthetic families stand in balance beside others, with classes and inputs as the configuration says") {
  TaskConfig config = plain();
  config.classes_min = 3, config.classes_max = 5;
  config.resolution = 6;
  config.load.colour = true;
  std::vector<std::shared_ptr<const Dataset>> sets;
  for (const auto& name : synthetic_names()) sets.push_back(load_dataset(name));
  const TaskDistribution tasks(config, sets, 1);
  CHECK(tasks.families() == synthetic_names());
  CHECK(tasks.most_inputs() == 108);
  CHECK(tasks.most_classes() == 5);
  std::set<int> classes;
  for (std::uint64_t start = 0; start < 12; start += 3)
    for (const Role role : {Role::train, Role::validation, Role::test}) {
      std::set<std::string> seen;
      for (std::uint64_t id = start; id < start + 3; ++id) {
        const Task task = tasks.draw(role, id);
        seen.insert(task.family());
        classes.insert(task.classes());
        CHECK(task.widths()[0] == 108);
      }
      CHECK(seen.size() == 3);
    }
  CHECK(classes == std::set<int>{3, 4, 5});
  config.labels_per_class = 150;  // a pair takes 300 examples of each class
  const Task task = TaskDistribution(config, sets, 1).draw(Role::train, 0);
  std::vector<float> x(static_cast<std::size_t>(108 * 300 * task.classes()));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(300 * task.classes()));
  task.labelled(0, 0, x, labels);
  CHECK(std::count(labels.begin(), labels.end(), 0) == 300);
}

TEST_CASE("signs, noise and permutation apply to synthetic inputs; turns and shifts leave them") {
  for (const auto& name : synthetic_names()) {
    TaskConfig config = plain();
    const auto batch = [&] {
      return unlabelled(TaskDistribution(config, {load_dataset(name)}, 1).draw(Role::train, 0));
    };
    const auto base = batch();
    config.rotate = config.shift = 1;
    CHECK(batch() == base);
    config.invert = 1;
    auto inverted = batch();
    for (float& x : inverted) x = 1 - x;
    for (std::size_t i = 0; i < base.size(); ++i)
      CHECK(inverted[i] == doctest::Approx(base[i]).epsilon(1e-6));
    config.invert = 0, config.permute = 1;
    auto permuted = batch();
    CHECK(permuted != base);
    std::vector<float> sorted = base;
    std::sort(permuted.begin(), permuted.end());
    std::sort(sorted.begin(), sorted.end());
    CHECK(permuted == sorted);
  }
}

TEST_CASE(
    "ten classes of a synthetic family can be told apart in the inputs, neither all of them nor none, and "
    "tasks are easy to hard") {
  TaskConfig config = plain();
  config.classes_min = 10;
  for (const auto& name : synthetic_names()) {
    CAPTURE(name);
    const TaskDistribution tasks(config, {load_dataset(name)}, 2);
    std::vector<double> right;
    for (std::uint64_t id = 0; id < 40; ++id)
      right.push_back(nearest_mean(tasks.draw(Role::train, id), config.labels_per_class));
    std::sort(right.begin(), right.end());
    double mean = 0;
    for (const double r : right) mean += r / static_cast<double>(right.size());
    CAPTURE(mean);
    CHECK(mean > 0.4);
    CHECK(mean < 0.8);
    CHECK(right[35] - right[4] > 0.15);  // from the hardest tenth to the easiest
    CHECK(right.front() > 0.11);
    CHECK(right[35] < 0.99);
  }
}

TEST_CASE(
    "what has no examples of its own is refused where a data set is evaluated on or applied to; a folder of "
    "the same name is a data set") {
  for (const auto& name : synthetic_names()) {
    std::string message;
    CHECK(exit_code([&] { evaluation_task(load_dataset(name), {8}, plain(), 0); }, message) == 64);
    CHECK(contains(message, "data '" + name + "' is synthetic"));
    CHECK(contains(message, "NAME=DIR"));
    CHECK(exit_code([&] { load_dataset(name + "=/nowhere/at/all"); }, message) == 66);
  }
  std::string message;
  CHECK(exit_code([] { load_dataset("mixtures"); }, message) == 64);
  CHECK(contains(message, "did you mean 'mixture'"));
}
