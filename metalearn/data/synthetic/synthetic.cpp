#include "metalearn/data/synthetic/synthetic.hpp"

#include <fmt/format.h>

#include <cmath>

#include "metalearn/base/portable_math.hpp"

namespace metalearn {

extern const SyntheticFamily kBags, kMixture, kTeacher;

std::span<const SyntheticFamily* const> synthetic_families() {
  static constexpr const SyntheticFamily* kFamilies[] = {&kBags, &kMixture, &kTeacher};
  return kFamilies;
}

std::vector<std::string> synthetic_names() {
  std::vector<std::string> names;
  for (const SyntheticFamily* family : synthetic_families()) names.emplace_back(family->name);
  return names;
}

std::optional<Dataset> synthetic_family(const std::string& name) {
  for (const SyntheticFamily* family : synthetic_families()) {
    if (name != family->name) continue;
    Dataset data;
    data.name = name;
    data.source = "made for each task";
    data.kind = family->kind;
    data.input_note = family->inputs;
    for (std::int64_t c = 0; c < kSyntheticClasses; ++c) data.class_names.push_back(std::to_string(c));
    data.split_note = fmt::format(
        "a set of its own for every task, {} examples of a class; meta-validation and test have other "
        "streams",
        kSyntheticPerClass);
    data.provenance = {fmt::format("generator, version {}", family->version)};
    data.make = family->make;
    return data;
  }
  return {};
}

ImageSet empty_features(const SyntheticSize& size) {
  ImageSet set;
  set.feature_count = static_cast<int>(size.inputs);
  set.features.resize(static_cast<std::size_t>(size.inputs * size.classes * size.per_class));
  for (std::int64_t c = 0; c < size.classes; ++c)
    set.labels.insert(set.labels.end(), static_cast<std::size_t>(size.per_class),
                      static_cast<std::int32_t>(c));
  return set;
}

double log_uniform(Random& random, double low, double high) {
  return portable::exp(random.uniform(portable::log(low), portable::log(high)));
}

std::vector<float> normals(Random& random, std::int64_t count, double deviation) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = static_cast<float>(deviation * random.normal());
  return values;
}

float squash(float v) { return v / std::sqrt(1 + v * v); }

}  // namespace metalearn
