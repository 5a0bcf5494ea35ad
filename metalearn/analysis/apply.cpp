#include "metalearn/analysis/apply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "checkpoints/error.hpp"
#include "metalearn/base/finite.hpp"
#include "metalearn/model/representation.hpp"
#include "metalearn/steps/inner_step.hpp"
#include "metalearn/tasks/augmentation.hpp"

namespace metalearn {
namespace {

/// Examples of a split in their order, unchanged.
Representation::Source in_order(const ImageSet& set, int resolution) {
  return [&set, reader = ImageReader(set, resolution)](std::int64_t first, std::int64_t count,
                                                       std::int64_t batch, std::span<float> x) {
    Random unused(0, 0);  // nothing is drawn without augmentation
    for (std::int64_t e = 0; e < count; ++e)
      reader.write(set, first + e, Augmentation{}, unused, e, batch, x);
  };
}

void put_split(checkpoints::Archive& archive, const std::string& name, const ImageSet& set,
               std::vector<float> features, std::int64_t width) {
  if (!all_finite(features))
    throw checkpoints::Diverged(fmt::format(
        "a feature of the {} split is not finite; use fewer --steps or a smaller --inner-rate", name));
  const std::int64_t n = set.count();
  std::vector<std::int64_t> index = set.index;
  if (index.empty()) {
    index.resize(static_cast<std::size_t>(n));
    std::iota(index.begin(), index.end(), 0);
  }
  archive.put(name + "/features", {n, width}, std::move(features));
  archive.put(name + "/labels", {n}, std::vector<std::int32_t>(set.labels));
  archive.put(name + "/index", {n}, std::move(index));
}

}  // namespace

std::string printable(std::string text) {
  if (!checkpoints::is_proper_name(text))
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return text.substr(0, checkpoints::kMaxNameBytes);
}

void learn(ModelFile& model, const Dataset& set, const ApplyOptions& options) {
  if (options.steps == 0) return;  // needs no theta
  const Config& config = model.config;
  const ImageReader reader(set.train, config.task.resolution);
  const auto examples = static_cast<std::uint64_t>(set.train.count());
  InnerStep<float> step(config.rule, {model.widths, config.batch, 2, 1, 1}, options.threads);
  std::vector<float> x(static_cast<std::size_t>(model.widths[0] * config.batch)), next(model.phi.size());
  for (std::int64_t t = 0; t < options.steps; ++t) {
    Random random(options.seed, purpose("apply"), t);
    for (std::int64_t e = 0; e < config.batch; ++e) {
      const auto example = static_cast<std::int64_t>(random.below(examples));
      reader.write(set.train, example, Augmentation{}, random, e, config.batch, x);
    }
    step.advance(model.theta, model.phi, x, next);
    model.phi.swap(next);
    if (!all_finite(model.phi))
      throw checkpoints::Diverged(fmt::format(
          "phi is no longer finite after {} inner steps; use fewer --steps or a smaller --inner-rate",
          t + 1));
  }
}

checkpoints::Archive features_archive(const ModelFile& model, const Dataset& set,
                                      const ApplyOptions& options) {
  ModelFile phi_only = model;
  phi_only.theta.clear();
  checkpoints::Archive archive = to_archive(phi_only, "features");
  const int resolution = model.config.task.resolution;
  const bool is_fixed = options.statistics == FeatureStatistics::dataset;
  Representation representation(model.widths, model.config.rule.activation, model.phi, options.threads);
  if (is_fixed) {
    representation.fix_statistics(set.train.count(), in_order(set.train, resolution));
    for (std::size_t l = 0; l < representation.moments().size(); ++l) {
      const LayerMoments& moments = representation.moments()[l];
      const std::vector<std::int64_t> shape = {model.widths[l + 1]};
      if (!all_finite(moments.mean) || !all_finite(moments.variance))
        throw checkpoints::Diverged(fmt::format(
            "the statistics of layer {} are not finite; use fewer --steps or a smaller --inner-rate", l + 1));
      archive.put(fmt::format("statistics/mean/{}", l + 1), shape, moments.mean);
      archive.put(fmt::format("statistics/variance/{}", l + 1), shape, moments.variance);
    }
  }
  for (const auto& [name, split] :
       {std::pair{"train", &set.train}, {"validation", &set.validation}, {"test", &set.test}}) {
    if (split->count() == 0) continue;
    if (!is_fixed && split->count() < 2)
      throw checkpoints::BadData(
          fmt::format("data '{}': the {} split has one example, but batch statistics need 2; add examples, "
                      "or use --statistics dataset",
                      set.name, name));
    const auto source = in_order(*split, resolution);
    const std::int64_t n = split->count();
    auto features = is_fixed ? representation.features(n, source)
                             : representation.batch_features(n, std::min(model.config.batch, n), source);
    put_split(archive, name, *split, std::move(features), model.widths.back());
  }
  for (std::size_t c = 0; c < set.class_names.size(); ++c)
    archive.set("classes", fmt::format("{:04}", c), set.class_names[c]);
  archive.set("apply", "data", printable(set.name));
  archive.set("apply", "source", printable(set.source));
  archive.set("apply", "split", printable(set.split_note));
  archive.set("apply", "statistics", std::string(is_fixed ? "dataset" : "batch"));
  archive.set("apply", "steps", options.steps);
  archive.set("apply", "seed", static_cast<std::int64_t>(options.seed));
  return archive;
}

}  // namespace metalearn
