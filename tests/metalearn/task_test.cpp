#include "metalearn/tasks/task.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>

#include "checkpoints/error.hpp"

using namespace metalearn;

namespace {

/// classes x per_class images of 4 x 4; example k of class c has first pixel 10 c and second pixel k, the
/// rest 100.
ImageSet images(int classes, int per_class, const std::vector<int>& only = {}) {
  ImageSet set{4, 4, {}, {}};
  for (int k = 0; k < per_class; ++k)
    for (int c = 0; c < classes; ++c) {
      if (!only.empty() && std::find(only.begin(), only.end(), c) == only.end()) continue;
      set.labels.push_back(c);
      set.pixels.push_back(static_cast<std::uint8_t>(10 * c));
      set.pixels.push_back(static_cast<std::uint8_t>(k));
      set.pixels.insert(set.pixels.end(), 14, 100);
    }
  return set;
}

std::shared_ptr<const Dataset> dataset(const std::string& name, int classes,
                                       std::vector<int> validation_classes = {}) {
  auto data = std::make_shared<Dataset>();
  data->name = name;
  for (int c = 0; c < classes; ++c) data->class_names.push_back(std::to_string(c));
  data->train = images(classes, 40);
  data->test = images(classes, 30);
  data->validation = images(classes, 25, validation_classes);
  data->validation_classes = std::move(validation_classes);
  return data;
}

/// Images at their own size, nothing changed.
TaskConfig plain() {
  TaskConfig config;
  config.resolution = 4;
  config.permute = 0;
  return config;
}

std::vector<float> unlabelled(const Task& task, std::int64_t t, std::int64_t batch = 32) {
  std::vector<float> x(static_cast<std::size_t>(task.widths()[0] * batch));
  task.unlabelled(t, batch, x);
  return x;
}

struct Labelled {
  std::vector<float> x;
  std::vector<std::int32_t> labels;
};

Labelled labelled(const Task& task, const TaskConfig& config, std::int64_t t, std::int64_t index = 0) {
  const auto n2 = static_cast<std::size_t>(2 * task.classes() * config.labels_per_class);
  Labelled l{std::vector<float>(static_cast<std::size_t>(task.widths()[0]) * n2),
             std::vector<std::int32_t>(n2)};
  task.labelled(t, index, l.x, l.labels);
  return l;
}

int byte(float v) { return static_cast<int>(std::lround(v * 255)); }

}  // namespace

TEST_CASE("a batch is a pure function of seed, task and t, in any order and from any thread") {
  TaskConfig config = plain();
  config.permute = config.rotate = config.shift = config.noise = config.input_sign = 1;
  const auto data = dataset("a", 10);
  const TaskDistribution tasks(config, {data}, 3);
  const Task task = tasks.draw(Role::train, 17);
  const auto first = unlabelled(task, 5);
  const auto pair = labelled(task, config, 5, 1);
  unlabelled(task, 6);
  CHECK(unlabelled(TaskDistribution(config, {dataset("a", 10)}, 3).draw(Role::train, 17), 5) == first);
  std::vector<float> elsewhere;
  std::thread([&] { elsewhere = unlabelled(task, 5); }).join();
  CHECK(elsewhere == first);
  CHECK(labelled(task, config, 5, 1).x == pair.x);

  CHECK(unlabelled(task, 6) != first);
  CHECK(labelled(task, config, 5, 0).x != pair.x);
  CHECK(labelled(task, config, 6, 1).x != pair.x);
  CHECK(unlabelled(tasks.draw(Role::train, 18), 5) != first);
  CHECK(unlabelled(TaskDistribution(config, {data}, 4).draw(Role::train, 17), 5) != first);
}

TEST_CASE("any run of as many ids as there are families holds each once") {
  const TaskDistribution tasks(plain(), {dataset("a", 4), dataset("b", 5), dataset("c", 6)}, 1);
  CHECK(tasks.families() == std::vector<std::string>{"a", "b", "c"});
  for (std::uint64_t start = 0; start < 10; ++start) {
    std::set<std::string> seen;
    for (std::uint64_t id = start; id < start + 3; ++id) seen.insert(tasks.draw(Role::train, id).family());
    CHECK(seen.size() == 3);
  }
  std::set<std::string> firsts;
  for (std::uint64_t seed = 0; seed < 30; ++seed)
    firsts.insert(
        TaskDistribution(plain(), {dataset("a", 4), dataset("b", 5)}, seed).draw(Role::train, 0).family());
  CHECK(firsts.size() == 2);
}

TEST_CASE(
    "a labelled pair has every class as often as asked, its label belongs to its image, and no example is in "
    "both batches") {
  const TaskConfig config = plain();
  const TaskDistribution tasks(config, {dataset("a", 10)}, 2);
  for (std::uint64_t id = 0; id < 10; ++id) {
    const Task task = tasks.draw(Role::train, id);
    const Labelled l = labelled(task, config, 3);
    const std::size_t n = l.labels.size() / 2;
    std::map<int, std::set<int>> class_of_label;
    std::set<std::pair<int, int>> used[2];
    for (std::size_t half = 0; half < 2; ++half) {
      std::vector<int> counts(static_cast<std::size_t>(task.classes()), 0);
      for (std::size_t e = half * n; e < (half + 1) * n; ++e) {
        ++counts.at(static_cast<std::size_t>(l.labels[e]));
        const int kind = byte(l.x[e]), example = byte(l.x[2 * n + e]);
        class_of_label[l.labels[e]].insert(kind);
        used[half].insert({kind, example});
      }
      for (int count : counts) CHECK(count == config.labels_per_class);
      CHECK(used[half].size() == n);
      CHECK(!std::is_sorted(l.labels.begin() + static_cast<std::ptrdiff_t>(half * n),
                            l.labels.begin() + static_cast<std::ptrdiff_t>((half + 1) * n)));
    }
    for (const auto& [label, kinds] : class_of_label) CHECK(kinds.size() == 1);
    for (const auto& example : used[0]) CHECK(used[1].count(example) == 0);
  }
}

TEST_CASE(
    "a class with fewer examples than two batches take is refused by name, number and fix; fewer labels make "
    "it enough") {
  auto data = std::make_shared<Dataset>(*dataset("small", 2));
  data->train = images(2, 19);
  TaskConfig config = plain();
  CHECK_THROWS_WITH_AS(TaskDistribution(config, {data}, 0),
                       "data 'small': fewer than 20 examples in class '0' of the train split (19 found); add "
                       "examples, or lower labels-per-class to 9",
                       checkpoints::BadData);
  config.labels_per_class = 9;
  TaskDistribution(config, {data}, 0);
  data->test = images(2, 17);
  CHECK_THROWS_WITH_AS(evaluation_task(data, {}, config, 0),
                       "data 'small': fewer than 18 examples in class '0' of the test split (17 found); add "
                       "examples, or lower labels-per-class to 8",
                       checkpoints::BadData);
  config.labels_per_class = 8;
  evaluation_task(data, {}, config, 0);
}

TEST_CASE("reporting tasks show the held-out classes on images that meta-validation never saw") {
  auto data = std::make_shared<Dataset>(*dataset("a", 10, {6, 8}));
  for (std::size_t i = 2; i < data->test.pixels.size(); i += 16)
    data->test.pixels[i] = 7;  // marks a test image
  const TaskDistribution tasks(plain(), {data}, 5);
  for (const auto& [role, mark] : {std::pair{Role::validation, 100}, std::pair{Role::test, 7}}) {
    std::set<int> classes;
    for (std::uint64_t id = 0; id < 20; ++id) {
      const Task task = tasks.draw(role, id);
      const auto x = unlabelled(task, 0);
      const Labelled l = labelled(task, plain(), 0);
      for (std::size_t e = 0; e < 32; ++e) {
        classes.insert(byte(x[e]) / 10);
        CHECK(byte(x[2 * 32 + e]) == mark);
      }
      for (std::size_t e = 0; e < l.labels.size(); ++e) CHECK(byte(l.x[2 * l.labels.size() + e]) == mark);
    }
    CHECK(classes == std::set<int>{6, 8});
  }
}

TEST_CASE(
    "a set with too little held out for a role is left out of it; where none has enough the message says "
    "so") {
  auto thin = std::make_shared<Dataset>(*dataset("thin", 4));
  thin->test = images(4, 19);
  const TaskDistribution tasks(plain(), {thin, dataset("a", 5)}, 1);
  for (std::uint64_t id = 0; id < 10; ++id) CHECK(tasks.draw(Role::test, id).family() == "a");
  CHECK_THROWS_WITH_AS(TaskDistribution(plain(), {thin}, 1).draw(Role::test, 0),
                       "no data set has a test split with at least two classes of 20 examples each; add data "
                       "that does (metalearn data NAME=DIR shows the splits), or lower labels-per-class",
                       checkpoints::BadData);
}

TEST_CASE("training tasks never show a class of meta-validation, and meta-validation shows only those") {
  const auto data = dataset("a", 10, {6, 8});
  TaskConfig config = plain();
  const TaskDistribution tasks(config, {data}, 5);
  std::set<int> trained, validated, sizes;
  for (std::uint64_t id = 0; id < 60; ++id) {
    const Task train = tasks.draw(Role::train, id), validation = tasks.draw(Role::validation, id);
    sizes.insert(train.classes());
    CHECK(validation.classes() == 2);
    const auto x = unlabelled(train, 0), y = unlabelled(validation, 0);
    for (std::size_t e = 0; e < 32; ++e) {
      trained.insert(byte(x[e]) / 10);
      validated.insert(byte(y[e]) / 10);
      CHECK(byte(y[32 + e]) < 25);  // an example of the validation images
    }
    for (float v : labelled(train, config, 0).x) CHECK((v >= 0 && v <= 1));
  }
  CHECK(trained == std::set<int>{0, 1, 2, 3, 4, 5, 7, 9});
  CHECK(validated == std::set<int>{6, 8});
  CHECK(sizes == std::set<int>{2, 3, 4, 5, 6, 7, 8});
}

TEST_CASE(
    "a set that keeps no classes is validated on all of its classes, one that holds nothing out is left "
    "out") {
  auto bare = std::make_shared<Dataset>(*dataset("bare", 4));
  bare->validation = {};
  const TaskDistribution tasks(plain(), {bare, dataset("a", 5)}, 1);
  std::set<int> seen;
  for (std::uint64_t id = 0; id < 20; ++id) {
    const Task task = tasks.draw(Role::validation, id);
    CHECK(task.family() == "a");
    for (std::size_t e = 0; e < 32; ++e) seen.insert(byte(unlabelled(task, 1)[e]) / 10);
  }
  CHECK(seen.size() == 5);
  CHECK_THROWS_AS(TaskDistribution(plain(), {bare}, 1).draw(Role::validation, 0), checkpoints::BadData);
}

TEST_CASE("architectures stay in their ranges and reach both ends; hidden widths are multiples of 8") {
  TaskConfig config = plain();
  config.hidden_max = 3;
  const TaskDistribution tasks(config, {dataset("a", 4)}, 7);
  std::map<std::int64_t, int> widths;
  std::set<std::size_t> depths;
  for (std::uint64_t id = 0; id < 500; ++id) {
    const auto w = tasks.draw(Role::train, id).widths();
    CHECK(w.front() == 16);
    CHECK(w.back() == 32);
    depths.insert(w.size() - 2);
    for (std::size_t i = 1; i + 1 < w.size(); ++i) ++widths[w[i]];
  }
  CHECK(depths == std::set<std::size_t>{1, 2, 3});
  std::vector<std::int64_t> kinds;
  for (const auto& [width, count] : widths) kinds.push_back(width);
  CHECK(kinds == std::vector<std::int64_t>{24, 32, 40, 48, 56, 64});
  CHECK(widths[32] > widths[56]);  // log-uniform: small ones more often
}

TEST_CASE("a permutation is one per task: the same for every batch, and nothing is lost") {
  const auto data = dataset("a", 4);
  TaskConfig config = plain();
  config.permute = 1;
  const Task task = TaskDistribution(config, {data}, 1).draw(Role::train, 0);
  config.permute = 0;
  const Task unchanged = TaskDistribution(config, {data}, 1).draw(Role::train, 0);
  CHECK(unchanged.classes() == task.classes());
  const auto row_of = [](const std::vector<float>& x, std::size_t i) {
    return std::vector<float>(x.begin() + static_cast<std::ptrdiff_t>(32 * i),
                              x.begin() + static_cast<std::ptrdiff_t>(32 * (i + 1)));
  };
  const auto place = [&](const std::vector<float>& row, const std::vector<float>& x) {
    for (std::size_t i = 0; i < 16; ++i)
      if (row_of(x, i) == row) return i;
    return std::size_t{99};
  };
  const auto p0 = unlabelled(task, 0), p1 = unlabelled(task, 1), u0 = unlabelled(unchanged, 0),
             u1 = unlabelled(unchanged, 1);
  for (std::size_t i : {0u, 1u}) {
    CHECK(place(row_of(u0, i), p0) < 16);
    CHECK(place(row_of(u0, i), p0) == place(row_of(u1, i), p1));
  }
  CHECK(std::accumulate(p0.begin(), p0.end(), 0.0) ==
        doctest::Approx(std::accumulate(u0.begin(), u0.end(), 0.0)));
}

TEST_CASE("inversion, input signs and noise do what they say") {
  const auto data = dataset("a", 4);
  const auto batch = [&](TaskConfig config) {
    return unlabelled(TaskDistribution(config, {data}, 1).draw(Role::train, 0), 0);
  };
  const auto base = batch(plain());

  TaskConfig config = plain();
  config.invert = 1;
  const auto inverted = batch(config);
  for (std::size_t i = 0; i < base.size(); ++i) CHECK(inverted[i] == 1 - base[i]);

  config = plain();
  config.input_sign = 1;
  const auto signs = batch(config);
  int flipped = 0;
  for (std::size_t input = 0; input < 16; ++input) {
    const bool flip = signs[32 * input] != base[32 * input];
    flipped += flip;
    for (std::size_t e = 0; e < 32; ++e)
      CHECK(signs[32 * input + e] == (flip ? 1 - base[32 * input + e] : base[32 * input + e]));
  }
  CHECK(flipped > 0);
  CHECK(flipped < 16);

  config = plain();
  config.noise = 1;
  config.noise_max = 0.2;
  double largest = 0;
  for (std::uint64_t id = 0; id < 20; ++id) {
    const auto x = unlabelled(TaskDistribution(config, {data}, 1).draw(Role::train, id), 0, 256);
    double sum = 0, squares = 0;  // of the 14 inputs that are 100 / 255 in every image
    for (std::size_t i = 2 * 256; i < x.size(); ++i) {
      const double d = static_cast<double>(x[i]) - 100.0 / 255;
      sum += d;
      squares += d * d;
    }
    const double n = 14 * 256, sd = std::sqrt(squares / n);
    CHECK(std::abs(sum / n) < 0.02);
    CHECK(sd < 0.21);
    largest = std::max(largest, sd);
  }
  CHECK(largest > 0.1);
}

TEST_CASE("turns and shifts move an image by as much as allowed, differently for each example") {
  // One bright spot, 3 pixels right of the centre of a 15 x 15 image.
  auto data = std::make_shared<Dataset>();
  data->name = "spot";
  data->class_names = {"0", "1"};
  data->train = {15, 15, {}, {}};
  for (int k = 0; k < 40; ++k) {
    std::vector<std::uint8_t> image(225, 0);
    for (int r : {6, 7, 8})
      for (int c : {9, 10, 11}) image[static_cast<std::size_t>(r * 15 + c)] = 200;
    data->train.pixels.insert(data->train.pixels.end(), image.begin(), image.end());
    data->train.labels.push_back(k % 2);
  }
  const auto centres = [&](const TaskConfig& config) {
    const auto x = unlabelled(TaskDistribution(config, {data}, 1).draw(Role::train, 0), 0, 200);
    std::vector<std::pair<double, double>> out;
    for (std::size_t e = 0; e < 200; ++e) {
      double mass = 0, down = 0, right = 0;
      for (int r = 0; r < 15; ++r)
        for (int c = 0; c < 15; ++c) {
          const double v = static_cast<double>(x[static_cast<std::size_t>(r * 15 + c) * 200 + e]);
          mass += v;
          down += v * (r - 7);
          right += v * (c - 7);
        }
      out.emplace_back(down / mass, right / mass);
    }
    return out;
  };
  TaskConfig config = plain();
  config.resolution = 15;
  for (const auto& [down, right] : centres(config)) {
    CHECK(std::abs(down) < 1e-4);
    CHECK(right == doctest::Approx(3));
  }
  config.rotate = 1;
  double lowest = 9, highest = -9;
  for (const auto& [down, right] : centres(config)) {
    CHECK(std::hypot(down, right) == doctest::Approx(3).epsilon(0.03));
    const double angle = std::atan2(down, right) * 180 / 3.14159265358979;
    CHECK(std::abs(angle) < 31);
    lowest = std::min(lowest, angle);
    highest = std::max(highest, angle);
  }
  CHECK(lowest < -25);
  CHECK(highest > 25);

  config.rotate = 0;
  config.shift = 1;
  double least = 9, most = -9;
  for (const auto& [down, right] : centres(config)) {
    CHECK(std::abs(down) < 2.02);
    CHECK(std::abs(right - 3) < 2.02);
    least = std::min(least, right);
    most = std::max(most, right);
  }
  CHECK(least < 1.2);
  CHECK(most > 4.8);
}

TEST_CASE(
    "an evaluation shows all classes, unlabelled images of the train split and labelled ones of the test "
    "split, unchanged") {
  auto data = std::make_shared<Dataset>(*dataset("a", 10, {6, 8}));
  for (std::size_t i = 2; i < data->test.pixels.size(); i += 16)
    data->test.pixels[i] = 7;  // marks a test image
  TaskConfig config;
  config.resolution = 4;
  config.invert = config.noise = config.rotate = 1;
  const Task task = evaluation_task(data, {64, 48}, config, 9);
  CHECK(task.classes() == 10);
  CHECK(task.widths() == std::vector<std::int64_t>{16, 64, 48, 32});
  CHECK(task.id() == 9);
  const auto x = unlabelled(task, 0, 500);
  std::set<int> seen;
  for (std::size_t e = 0; e < 500; ++e) {
    seen.insert(byte(x[e]) / 10);
    CHECK(byte(x[2 * 500 + e]) == 100);
  }
  CHECK(seen.size() == 10);
  const Labelled l = labelled(task, config, 0);
  for (std::size_t e = 0; e < 200; ++e) {
    CHECK(byte(l.x[e]) == 10 * l.labels[e]);
    CHECK(byte(l.x[2 * 200 + e]) == 7);
  }
  CHECK(unlabelled(evaluation_task(data, {64}, config, 8), 0, 500) != x);
}

TEST_CASE(
    "a permutation of an evaluation reorders the inputs of all its batches in one way, and changes nothing "
    "else") {
  const auto data = dataset("a", 10, {6, 8});
  TaskConfig config;
  config.resolution = 4;
  const Task plain_task = evaluation_task(data, {8}, config, 9),
             task = evaluation_task(data, {8}, config, 9, 3);
  constexpr std::size_t kInputs = 16, kBatch = 50;
  const auto rows = [](const std::vector<float>& x, std::size_t columns) {
    std::vector<std::vector<float>> all;
    for (std::size_t i = 0; i < kInputs; ++i)
      all.emplace_back(x.begin() + static_cast<std::ptrdiff_t>(i * columns),
                       x.begin() + static_cast<std::ptrdiff_t>((i + 1) * columns));
    return all;
  };
  const auto before = unlabelled(plain_task, 0, kBatch), after = unlabelled(task, 0, kBatch);
  CHECK(before != after);
  auto sorted_before = rows(before, kBatch), sorted_after = rows(after, kBatch);
  std::sort(sorted_before.begin(), sorted_before.end());
  std::sort(sorted_after.begin(), sorted_after.end());
  CHECK(sorted_before == sorted_after);
  const Labelled l = labelled(task, config, 0), of_plain = labelled(plain_task, config, 0);
  CHECK(l.labels == of_plain.labels);
  CHECK(l.x != of_plain.x);
  CHECK(evaluation_task(data, {8}, config, 9, 0).widths() == task.widths());
  CHECK(unlabelled(evaluation_task(data, {8}, config, 9, 3), 0, kBatch) == after);
  CHECK(unlabelled(evaluation_task(data, {8}, config, 9, 4), 0, kBatch) != after);
}

TEST_CASE("sets that can't make a task, and spans of the wrong size, are refused") {
  auto one = std::make_shared<Dataset>(*dataset("one", 1));
  CHECK_THROWS_AS(TaskDistribution(plain(), {one}, 0), checkpoints::BadData);
  auto thin = std::make_shared<Dataset>(*dataset("thin", 3));
  thin->train = images(3, 1);
  CHECK_THROWS_AS(TaskDistribution(plain(), {thin}, 0), checkpoints::BadData);
  thin->test = {};
  CHECK_THROWS_AS(evaluation_task(thin, {}, plain(), 0), checkpoints::BadData);
  CHECK_THROWS_AS(TaskDistribution(plain(), {}, 0), std::invalid_argument);
  TaskConfig config = plain();
  config.classes_min = 1;
  CHECK_THROWS_AS(TaskDistribution(config, {dataset("a", 3)}, 0), std::invalid_argument);

  const Task task = TaskDistribution(plain(), {dataset("a", 3)}, 0).draw(Role::train, 0);
  std::vector<float> x(10);
  std::vector<std::int32_t> labels(10);
  CHECK_THROWS_AS(task.unlabelled(0, 32, x), std::invalid_argument);
  CHECK_THROWS_AS(task.labelled(0, 0, x, labels), std::invalid_argument);
}
