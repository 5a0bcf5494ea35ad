#include "metalearn/data/constant_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "checkpoints/error.hpp"

namespace metalearn {
namespace {

std::int64_t inputs_of(const ImageSet& set) {
  return set.is_images() ? std::int64_t{set.channels} * set.height * set.width : set.feature_count;
}

template <class T>
std::int64_t count_constant(const std::vector<T>& inputs, std::size_t size) {
  std::vector<char> varies(size, 0);
  for (std::size_t start = size; start < inputs.size(); start += size)
    for (std::size_t i = 0; i < size; ++i) varies[i] |= static_cast<char>(inputs[start + i] != inputs[i]);
  return std::count(varies.begin(), varies.end(), 0);
}

}  // namespace

std::int64_t constant_inputs(const ImageSet& set) {
  if (set.count() == 0) return 0;
  const auto size = static_cast<std::size_t>(inputs_of(set));
  return set.is_images() ? count_constant(set.pixels, size) : count_constant(set.features, size);
}

void require_varying_inputs(const Dataset& data) {
  for (const auto& [split, set] : {std::pair<const char*, const ImageSet*>{"train", &data.train},
                                   {"validation", &data.validation},
                                   {"test", &data.test}})
    if (set->count() > 1 && constant_inputs(*set) == inputs_of(*set))
      throw checkpoints::BadData(
          fmt::format("{}: data '{}': no input varies in the {} split: its {} examples are all the same; "
                      "check that they are the right files (transparent parts of pictures are white)",
                      data.source, data.name, split, set->count()));
}

}  // namespace metalearn
