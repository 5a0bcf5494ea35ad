// TaskDistribution: draws tasks by id; and the task of an evaluation.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "checkpoints/error.hpp"
#include "metalearn/data/split.hpp"
#include "metalearn/tasks/portable_math.hpp"
#include "metalearn/tasks/random.hpp"
#include "metalearn/tasks/task.hpp"
#include "metalearn/tasks/task_impl.hpp"

namespace metalearn {
namespace {

/// What one role sees of one data set.
struct Family {
  std::shared_ptr<const Dataset> data;
  const ImageSet* images = nullptr;
  std::vector<int> classes;
  std::vector<std::vector<std::int32_t>> members;  ///< by class of the data set
};

/// The two disjoint halves of a labelled batch need two examples of a class at least.
void require_examples(const Family& family, const char* split) {
  if (family.classes.size() < 2)
    throw checkpoints::BadData(fmt::format("data '{}': fewer than two classes in the {} split; a task needs at least 2", family.data->name, split));
  for (int c : family.classes)
    if (family.members[static_cast<std::size_t>(c)].size() < 2)
      throw checkpoints::BadData(fmt::format("data '{}': fewer than {} examples in class '{}' of the {} split ({} found); add examples", family.data->name, kFewestExamples,
                                             family.data->class_names[static_cast<std::size_t>(c)], split, family.members[static_cast<std::size_t>(c)].size()));
}

Family make_family(std::shared_ptr<const Dataset> data, Role role) {
  Family family;
  family.images = role == Role::train ? &data->train : &data->validation;
  family.members = class_members(*family.images, data->class_names.size());
  const auto& kept = data->validation_classes;
  for (int c = 0; c < static_cast<int>(data->class_names.size()); ++c) {
    const bool is_kept = std::find(kept.begin(), kept.end(), c) != kept.end();
    if (role == Role::train ? !is_kept : is_kept || kept.empty()) family.classes.push_back(c);
  }
  family.data = std::move(data);
  return family;
}

/// Log-uniform between the two, rounded to the nearest multiple of 8 (so that compiled steps are found again).
std::int64_t draw_width(Random& random, double low, double high) {
  const double width = portable::exp(random.uniform(portable::log(low), portable::log(high)));
  return std::max<std::int64_t>(8, static_cast<std::int64_t>(width / 8 + 0.5) * 8);
}

void require_config(const TaskConfig& c) {
  if (c.resolution < 1 || c.classes_min < 2 || c.classes_max < c.classes_min || c.hidden_min < 0 || c.hidden_max < c.hidden_min || c.width_min < 1 ||
      c.width_max < c.width_min || c.representation < 1 || c.labels_per_class < 1)
    throw std::invalid_argument("[TaskDistribution] expected positive sizes, two classes at least and min <= max in every range");
}

}  // namespace

struct TaskDistribution::Impl {
  TaskConfig config;
  std::uint64_t seed = 0;
  std::vector<std::string> names;
  std::vector<Family> train, validation;  ///< in drawing order
};

TaskDistribution::TaskDistribution(TaskConfig config, std::vector<std::shared_ptr<const Dataset>> sets, std::uint64_t seed) {
  require_config(config);
  if (sets.empty()) throw std::invalid_argument("[TaskDistribution] expected one data set at least");
  auto impl = std::make_shared<Impl>();
  impl->config = config;
  impl->seed = seed;
  for (const auto& set : sets) impl->names.push_back(set->name);
  Random random(seed, purpose("family order"));
  random.shuffle(std::span(sets));
  for (const auto& set : sets) {
    impl->train.push_back(make_family(set, Role::train));
    require_examples(impl->train.back(), "train");
    if (set->validation.count() == 0) continue;
    Family held_out = make_family(set, Role::validation);
    if (held_out.classes.size() < 2) continue;
    require_examples(held_out, "meta-validation");
    impl->validation.push_back(std::move(held_out));
  }
  impl_ = std::move(impl);
}

const std::vector<std::string>& TaskDistribution::families() const { return impl_->names; }

Task TaskDistribution::draw(Role role, std::uint64_t id) const {
  const TaskConfig& config = impl_->config;
  const auto& families = role == Role::train ? impl_->train : impl_->validation;
  if (families.empty()) throw checkpoints::BadData("none of the data sets holds anything out for meta-validation; add glyph or cifar10, or turn validation off");
  const Family& family = families[id % families.size()];
  const std::uint64_t stream = Random(id, purpose(role == Role::train ? "training task" : "validation task")).bits64();

  Random random(impl_->seed, stream, purpose("task"));
  std::vector<int> classes = family.classes;
  const auto available = static_cast<std::int64_t>(classes.size());
  const std::int64_t count = random.between(std::min<std::int64_t>(config.classes_min, available), std::min<std::int64_t>(config.classes_max, available));
  random.partial_shuffle(std::span(classes), static_cast<std::size_t>(count));
  classes.resize(static_cast<std::size_t>(count));

  std::vector<std::int64_t> widths = {static_cast<std::int64_t>(config.resolution) * config.resolution};
  for (std::int64_t hidden = random.between(config.hidden_min, config.hidden_max); hidden > 0; --hidden)
    widths.push_back(draw_width(random, config.width_min, config.width_max));
  widths.push_back(config.representation);

  const ImageReader reader(*family.images, config.resolution);
  const Pool pool(*family.images, family.members, classes);
  return Task(std::make_shared<const Task::Impl>(Task::Impl{family.data, widths, id, impl_->seed, stream, config.labels_per_class,
                                                            Augmentation::draw(config, Random(impl_->seed, stream, purpose("augmentation"))), reader, reader, pool, pool}));
}

Task evaluation_task(std::shared_ptr<const Dataset> set, const std::vector<std::int64_t>& hidden, const TaskConfig& config, std::uint64_t seed) {
  require_config(config);
  std::vector<int> classes(set->class_names.size());
  std::iota(classes.begin(), classes.end(), 0);
  if (set->train.count() == 0 || set->test.count() == 0)
    throw checkpoints::BadData(fmt::format("data '{}': the {} split is empty ({}); add examples", set->name, set->train.count() == 0 ? "train" : "test", set->split_note));
  const Family tested{set, &set->test, classes, class_members(set->test, classes.size())};
  require_examples(tested, "test");
  std::vector<std::int64_t> widths = {static_cast<std::int64_t>(config.resolution) * config.resolution};
  widths.insert(widths.end(), hidden.begin(), hidden.end());
  widths.push_back(config.representation);
  return Task(std::make_shared<const Task::Impl>(Task::Impl{set, widths, seed, seed, purpose("evaluation"), config.labels_per_class, Augmentation{},
                                                            ImageReader(set->train, config.resolution), ImageReader(set->test, config.resolution),
                                                            Pool(set->train, class_members(set->train, classes.size()), classes), Pool(set->test, tested.members, classes)}));
}

}  // namespace metalearn
