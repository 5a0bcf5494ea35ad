// TaskDistribution: draws tasks by id, and the task of an evaluation.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <stdexcept>

#include "checkpoints/error.hpp"
#include "metalearn/base/random.hpp"
#include "metalearn/data/synthetic/synthetic.hpp"
#include "metalearn/tasks/task.hpp"
#include "metalearn/tasks/task_impl.hpp"

namespace metalearn {
namespace {

/// The part of one data set that one role sees.
struct Family {
  std::shared_ptr<const Dataset> data;
  const ImageSet* images = nullptr;
  std::vector<int> classes;
  std::vector<std::vector<std::int32_t>> members;  ///< by class of the data set
};

constexpr Role kRoles[] = {Role::train, Role::validation, Role::test};
constexpr const char* kParts[] = {"train", "meta-validation",
                                  "test"};  ///< the split of each role, for messages
constexpr const char* kStreams[] = {"training task", "validation task", "test task"};

std::size_t index_of(Role role) { return static_cast<std::size_t>(role); }

/// The two halves of a labelled pair are disjoint, and neither repeats an example: this requires 2 x
/// labels_per_class examples of every class.
void require_examples(const Family& family, int labels_per_class, const char* part) {
  if (family.classes.size() < 2)
    throw checkpoints::BadData(
        fmt::format("data '{}': fewer than two classes in the {} split; a task needs at least 2",
                    family.data->name, part));
  const auto needed = 2 * static_cast<std::size_t>(labels_per_class);
  for (int c : family.classes)
    if (const auto found = family.members[static_cast<std::size_t>(c)].size(); found < needed)
      throw checkpoints::BadData(fmt::format(
          "data '{}': fewer than {} examples in class '{}' of the {} split ({} found); add examples{}",
          family.data->name, needed, family.data->class_names[static_cast<std::size_t>(c)], part, found,
          found < 2 ? "" : fmt::format(", or lower labels-per-class to {}", found / 2)));
}

bool has_enough(const Family& family, int labels_per_class) {
  try {
    require_examples(family, labels_per_class, "");
    return true;
  } catch (const checkpoints::BadData&) {
    return false;
  }
}

/// Every role has the classes of a synthetic family; their examples are generated with the task.
Family synthetic(std::shared_ptr<const Dataset> data) {
  Family family;
  family.images = &data->train;
  family.classes.resize(data->class_names.size());
  std::iota(family.classes.begin(), family.classes.end(), 0);
  family.data = std::move(data);
  return family;
}

/// Generates the set of one task of a synthetic family.
Family make_examples(const Dataset& synthetic, const SyntheticSize& size, Random random) {
  auto data = std::make_shared<Dataset>();
  data->name = synthetic.name;
  data->train = synthetic.make(size, random);
  Family family;
  family.images = &data->train;
  family.members = class_members(data->train, static_cast<std::size_t>(size.classes));
  family.data = std::move(data);
  return family;
}

Family make_family(std::shared_ptr<const Dataset> data, Role role) {
  if (data->make) return synthetic(std::move(data));
  Family family;
  family.images = role == Role::train        ? &data->train
                  : role == Role::validation ? &data->validation
                                             : &data->test;
  family.members = class_members(*family.images, data->class_names.size());
  const auto &validation = data->validation_classes, &test = data->test_classes;
  const auto& kept = role == Role::test && !test.empty() ? test : validation;
  const auto holds = [](const std::vector<int>& classes, int c) {
    return std::find(classes.begin(), classes.end(), c) != classes.end();
  };
  for (int c = 0; c < static_cast<int>(data->class_names.size()); ++c)
    if (role == Role::train ? !holds(validation, c) && !holds(test, c) : kept.empty() || holds(kept, c))
      family.classes.push_back(c);
  family.data = std::move(data);
  return family;
}

/// Synthetic examples have as many inputs as images.
std::int64_t inputs_of(const Family& family, const TaskConfig& config) {
  if (!family.data->make) return family.images->inputs(config.resolution);
  return std::int64_t{config.load.colour ? 3 : 1} * config.resolution * config.resolution;
}

/// Log-uniform between the two, rounded to the nearest multiple of 8 (so that compiled steps are reused).
std::int64_t draw_width(Random& random, double low, double high) {
  return std::max<std::int64_t>(8, static_cast<std::int64_t>(log_uniform(random, low, high) / 8 + 0.5) * 8);
}

void require_config(const TaskConfig& c) {
  if (c.resolution < 1 || c.classes_min < 2 || c.classes_max < c.classes_min || c.hidden_min < 0 ||
      c.hidden_max < c.hidden_min || c.width_min < 1 || c.width_max < c.width_min || c.representation < 1 ||
      c.labels_per_class < 1)
    throw std::invalid_argument(
        "[TaskDistribution] expected positive sizes, two classes at least and min <= max in every range");
  if (!(c.dropout >= 0 && c.dropout < 1))
    throw std::invalid_argument("[TaskDistribution] expected a dropout in 0 .. 1, less than 1");
}

}  // namespace

struct TaskDistribution::Impl {
  TaskConfig config;
  std::uint64_t seed = 0;
  std::vector<std::string> names;
  std::vector<Family> families[std::size(kRoles)];  ///< by role, in drawing order
};

TaskDistribution::TaskDistribution(TaskConfig config, std::vector<std::shared_ptr<const Dataset>> sets,
                                   std::uint64_t seed) {
  require_config(config);
  if (sets.empty()) throw std::invalid_argument("[TaskDistribution] expected one data set at least");
  auto impl = std::make_shared<Impl>();
  impl->config = config;
  impl->seed = seed;
  for (const auto& set : sets) impl->names.push_back(set->name);
  Random random(seed, purpose("family order"));
  random.shuffle(std::span(sets));
  for (const auto& set : sets) {
    impl->families[index_of(Role::train)].push_back(make_family(set, Role::train));
    if (!set->make)
      require_examples(impl->families[index_of(Role::train)].back(), config.labels_per_class,
                       kParts[index_of(Role::train)]);
    for (const Role role : {Role::validation, Role::test})
      if (Family held_out = make_family(set, role);
          set->make || has_enough(held_out, config.labels_per_class))
        impl->families[index_of(role)].push_back(std::move(held_out));
  }
  impl_ = std::move(impl);
}

const std::vector<std::string>& TaskDistribution::families() const { return impl_->names; }

std::int64_t TaskDistribution::most_inputs() const {
  std::int64_t most = 0;
  for (const auto& family : impl_->families[index_of(Role::train)])
    most = std::max(most, inputs_of(family, impl_->config));
  return most;
}

std::int64_t TaskDistribution::most_classes() const {
  std::size_t most = 0;
  for (const auto& family : impl_->families[index_of(Role::train)])
    most = std::max(most, family.classes.size());
  return std::min<std::int64_t>(impl_->config.classes_max, static_cast<std::int64_t>(most));
}

Task TaskDistribution::draw(Role role, std::uint64_t id) const {
  const TaskConfig& config = impl_->config;
  const auto& families = impl_->families[index_of(role)];
  if (families.empty())
    throw checkpoints::BadData(
        fmt::format("no data set has a {} split with at least two classes of {} examples each; add data that "
                    "does (metalearn data NAME=DIR shows the splits), or lower labels-per-class",
                    kParts[index_of(role)], 2 * config.labels_per_class));
  const Family& family = families[id % families.size()];
  const std::uint64_t stream = Random(id, purpose(kStreams[index_of(role)])).bits64();

  Random random(impl_->seed, stream, purpose("task"));
  std::vector<int> classes = family.classes;
  const auto available = static_cast<std::int64_t>(classes.size());
  const std::int64_t count = random.between(std::min<std::int64_t>(config.classes_min, available),
                                            std::min<std::int64_t>(config.classes_max, available));
  random.partial_shuffle(std::span(classes), static_cast<std::size_t>(count));
  classes.resize(static_cast<std::size_t>(count));

  std::vector<std::int64_t> widths = {inputs_of(family, config)};
  for (std::int64_t hidden = random.between(config.hidden_min, config.hidden_max); hidden > 0; --hidden)
    widths.push_back(draw_width(random, config.width_min, config.width_max));
  widths.push_back(config.representation);

  Family own;
  if (family.data->make) {
    std::iota(classes.begin(), classes.end(), 0);
    const SyntheticSize size{widths[0], count,
                             std::max<std::int64_t>(kSyntheticPerClass, 2 * config.labels_per_class)};
    own = make_examples(*family.data, size, Random(impl_->seed, stream, purpose("synthetic")));
  }
  const Family& from = own.data ? own : family;
  const ImageReader reader(*from.images, config.resolution);
  const Pool pool(*from.images, from.members, classes);
  const auto augmentation =
      Augmentation::draw(config, widths[0], Random(impl_->seed, stream, purpose("augmentation")));
  const bool has_coefficients = role == Role::train && config.coefficient_targets && from.images->is_images();
  const double input_dropout = role == Role::train && config.drops_inputs() ? config.dropout : 0;
  const double hidden_dropout = role == Role::train && config.drops_hidden() ? config.dropout : 0;
  return Task(std::make_shared<const Task::Impl>(
      Task::Impl{.data = from.data,
                 .widths = widths,
                 .id = id,
                 .seed = impl_->seed,
                 .stream = stream,
                 .labels_per_class = config.labels_per_class,
                 .coefficients = has_coefficients ? augmentation.coefficients() : 0,
                 .coefficient_weight = config.coefficient_weight,
                 .input_dropout = input_dropout,
                 .hidden_dropout = hidden_dropout,
                 .augmentation = augmentation,
                 .unlabelled_reader = reader,
                 .labelled_reader = reader,
                 .unlabelled = pool,
                 .labelled = pool}));
}

Task evaluation_task(std::shared_ptr<const Dataset> set, const std::vector<std::int64_t>& hidden,
                     const TaskConfig& config, std::uint64_t seed, std::uint64_t permutation) {
  require_config(config);
  require_own_examples(*set);
  const std::size_t known = set->class_names.size();
  std::vector<int> classes = set->test_classes;
  if (classes.empty()) {
    classes.resize(known);
    std::iota(classes.begin(), classes.end(), 0);
  }
  if (set->train.count() == 0 || set->test.count() == 0)
    throw checkpoints::BadData(fmt::format("data '{}': the {} split is empty ({}); add examples", set->name,
                                           set->train.count() == 0 ? "train" : "test", set->split_note));
  const Family tested{
      .data = set, .images = &set->test, .classes = classes, .members = class_members(set->test, known)};
  require_examples(tested, config.labels_per_class, "test");
  std::vector<std::int64_t> widths = {set->test.inputs(config.resolution)};
  widths.insert(widths.end(), hidden.begin(), hidden.end());
  widths.push_back(config.representation);
  Random order(permutation, purpose("evaluation permutation"));
  const Augmentation shown = permutation == 0 ? Augmentation{} : Augmentation::permutation(widths[0], order);
  return Task(std::make_shared<const Task::Impl>(
      Task::Impl{.data = set,
                 .widths = widths,
                 .id = seed,
                 .seed = seed,
                 .stream = purpose("evaluation"),
                 .labels_per_class = config.labels_per_class,
                 .augmentation = shown,
                 .unlabelled_reader = ImageReader(set->train, config.resolution),
                 .labelled_reader = ImageReader(set->test, config.resolution),
                 .unlabelled = Pool(set->train, class_members(set->train, known), classes),
                 .labelled = Pool(set->test, tested.members, classes)}));
}

}  // namespace metalearn
