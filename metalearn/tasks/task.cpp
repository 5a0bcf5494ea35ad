#include "metalearn/tasks/task.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "metalearn/base/random.hpp"
#include "metalearn/tasks/task_impl.hpp"

namespace metalearn {
namespace {

void require(bool ok, const char* op, std::size_t expected, std::size_t found, const char* what) {
  if (!ok)
    throw std::invalid_argument(
        fmt::format("[{}] expected {} of size {}, found {}", op, what, expected, found));
}

/// Zeroes each value with probability `rate` and scales the others so that means are preserved.
void drop(std::span<float> values, double rate, Random random) {
  const auto scale = static_cast<float>(1 / (1 - rate));
  for (float& v : values) v = random.chance(rate) ? 0 : v * scale;
}

}  // namespace

Pool::Pool(const ImageSet& images, const std::vector<std::vector<std::int32_t>>& members,
           const std::vector<int>& classes)
    : set(&images) {
  for (int c : classes) {
    const auto& indices = members.at(static_cast<std::size_t>(c));
    examples.insert(examples.end(), indices.begin(), indices.end());
    begin.push_back(examples.size());
  }
}

std::vector<std::vector<std::int32_t>> class_members(const ImageSet& set, std::size_t classes) {
  std::vector<std::vector<std::int32_t>> members(classes);
  for (std::size_t i = 0; i < set.labels.size(); ++i)
    members.at(static_cast<std::size_t>(set.labels[i])).push_back(static_cast<std::int32_t>(i));
  return members;
}

Task::Task(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

const std::string& Task::family() const { return impl_->data->name; }
const std::vector<std::int64_t>& Task::widths() const { return impl_->widths; }
int Task::classes() const { return static_cast<int>(impl_->labelled.begin.size()) - 1; }
bool Task::is_standardised() const { return impl_->data->train.mirror == 0; }
std::uint64_t Task::id() const { return impl_->id; }
std::int64_t Task::coefficients() const { return impl_->coefficients; }

void Task::unlabelled(std::int64_t t, std::int64_t batch, std::span<float> x) const {
  unlabelled(t, batch, x, {});
}

void Task::unlabelled(std::int64_t t, std::int64_t batch, std::span<float> x,
                      std::span<std::int32_t> labels) const {
  const auto expected = static_cast<std::size_t>(impl_->widths[0] * batch);
  require(x.size() == expected, "Task::unlabelled", expected, x.size(), "x");
  require(labels.empty() || labels.size() == static_cast<std::size_t>(batch), "Task::unlabelled",
          static_cast<std::size_t>(batch), labels.size(), "labels");
  Random random(impl_->seed, impl_->stream, purpose("unlabelled"), t);
  const Pool& pool = impl_->unlabelled;
  for (std::int64_t e = 0; e < batch; ++e) {
    const std::size_t place = random.below(pool.examples.size());
    impl_->unlabelled_reader.write(*pool.set, pool.examples[place], impl_->augmentation, random, e, batch, x);
    if (!labels.empty())
      labels[static_cast<std::size_t>(e)] = static_cast<std::int32_t>(
          std::upper_bound(pool.begin.begin(), pool.begin.end(), place) - pool.begin.begin() - 1);
  }
  if (impl_->input_dropout > 0)
    drop(x, impl_->input_dropout, Random(impl_->seed, impl_->stream, purpose("input dropout"), t));
}

std::int64_t Task::mask_rows() const {
  return impl_->hidden_dropout > 0
             ? std::accumulate(widths().begin() + 1, widths().end() - 1, std::int64_t{0})
             : 0;
}

void Task::masks(std::int64_t t, std::int64_t batch, std::span<float> masks) const {
  const auto expected = static_cast<std::size_t>(mask_rows() * batch);
  require(masks.size() == expected, "Task::masks", expected, masks.size(), "masks");
  std::fill(masks.begin(), masks.end(), 1.0f);
  drop(masks, impl_->hidden_dropout, Random(impl_->seed, impl_->stream, purpose("hidden dropout"), t));
}

void Task::labelled(std::int64_t t, std::int64_t index, std::span<float> x,
                    std::span<std::int32_t> labels) const {
  std::vector<float> unused(labels.size() * static_cast<std::size_t>(coefficients()));
  labelled(t, index, x, labels, unused);
}

void Task::labelled(std::int64_t t, std::int64_t index, std::span<float> x, std::span<std::int32_t> labels,
                    std::span<float> coefficients) const {
  const auto classes = static_cast<std::size_t>(this->classes()),
             per_class = static_cast<std::size_t>(impl_->labels_per_class), n = classes * per_class;
  require(labels.size() == 2 * n, "Task::labelled", 2 * n, labels.size(), "labels");
  const auto inputs = static_cast<std::size_t>(impl_->widths[0]);
  require(x.size() == inputs * 2 * n, "Task::labelled", inputs * 2 * n, x.size(), "x");
  const auto each = static_cast<std::size_t>(this->coefficients());
  require(coefficients.size() == 2 * n * each, "Task::labelled", 2 * n * each, coefficients.size(),
          "coefficients");
  Random random(impl_->seed, impl_->stream, purpose("labelled"), t, index);
  const Pool& pool = impl_->labelled;
  struct Chosen {
    std::int32_t example, label;
  };
  std::vector<Chosen> chosen(2 * n);  // a, then b
  for (std::size_t c = 0; c < classes; ++c) {
    std::vector<std::int32_t> members(pool.examples.begin() + static_cast<std::ptrdiff_t>(pool.begin[c]),
                                      pool.examples.begin() + static_cast<std::ptrdiff_t>(pool.begin[c + 1]));
    random.partial_shuffle(std::span(members),
                           2 * per_class);  // a takes the first examples of a random order and b the next
    for (std::size_t j = 0; j < per_class; ++j) {
      chosen[c * per_class + j] = {members[j], static_cast<std::int32_t>(c)};
      chosen[n + c * per_class + j] = {members[per_class + j], static_cast<std::int32_t>(c)};
    }
  }
  random.shuffle(std::span(chosen).first(n));
  random.shuffle(std::span(chosen).last(n));
  for (std::size_t e = 0; e < 2 * n; ++e) {
    labels[e] = chosen[e].label;
    impl_->labelled_reader.write(*pool.set, chosen[e].example, impl_->augmentation, random,
                                 static_cast<std::int64_t>(e), static_cast<std::int64_t>(2 * n), x,
                                 coefficients.subspan(e * each, each));
  }
  for (float& c : coefficients) c *= static_cast<float>(impl_->coefficient_weight);
}

}  // namespace metalearn
