// The section that shows the base models that a rule trained.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checkpoints/error.hpp"
#include "metalearn/baselines/principal_components.hpp"
#include "metalearn/report/sections.hpp"
#include "metalearn/report/text.hpp"
#include "metalearn/report/two_moons.hpp"
#include "metalearn/steps/inner_step.hpp"

namespace metalearn::report {
namespace {

constexpr std::int64_t kUnits = 32, kAcross = 8;  // receptive fields shown
constexpr Eigen::Index kMostPoints = 1000;
constexpr std::int64_t kSteps = 100;  // for a run without a chosen step

/// Rows of x projected onto their first two principal components, a curve per label.
Figure embedding(std::string id, std::string title, std::string caption, const Matrix& x,
                 const std::vector<std::int32_t>& labels, const std::vector<std::string>& classes) {
  const auto n = static_cast<double>(x.rows());
  const PrincipalComponents found =
      principal_components(x.colwise().sum().transpose() / n, x.transpose() * x / n, 2);
  const Matrix places = found.of(x);
  const auto label = [&](Eigen::Index k) {
    return fmt::format(
        "component {} ({:.1f} % of the variance)", k + 1,
        found.total > 0 && k < found.variance.size() ? 100 * found.variance[k] / found.total : 0.0);
  };
  Figure f{.id = std::move(id),
           .title = std::move(title),
           .caption = std::move(caption),
           .x_label = label(0),
           .y_label = label(1),
           .tabulated = false,
           .height = 420};
  for (const auto& name : classes)
    f.curves.push_back(
        {.title = name, .points = {}, .style = static_cast<int>(f.curves.size()), .joined = false});
  const Eigen::Index stride = (x.rows() + kMostPoints - 1) / kMostPoints;
  for (Eigen::Index i = 0; i < x.rows(); i += stride)
    f.curves[static_cast<std::size_t>(labels[static_cast<std::size_t>(i)])].points.push_back(
        {places(i, 0), places.cols() > 1 ? places(i, 1) : 0});
  std::erase_if(f.curves, [](const Curve& c) { return c.points.empty(); });
  return f;
}

/// Side of an image in pixels, and its number of colours; 0 if the inputs are not such an image.
std::pair<std::int64_t, std::int64_t> image_shape(const ModelFile& model) {
  const std::int64_t side = model.config.task.resolution, inputs = model.widths[0];
  return inputs == side * side       ? std::pair{side, std::int64_t{1}}
         : inputs == 3 * side * side ? std::pair{side, std::int64_t{3}}
                                     : std::pair{std::int64_t{0}, std::int64_t{0}};
}

/// Columns of W/1 as pictures, in rows of kAcross; colours are averaged.
Shades receptive_fields(const ModelFile& model, const std::vector<float>& phi) {
  const auto [side, colours] = image_shape(model);
  const TensorSpec W = phi_spec(model.widths).tensors.front();  // W/1
  const std::int64_t units = std::min(kUnits, model.widths[1]), across = std::min(kAcross, units),
                     down = (units + across - 1) / across;
  Shades s{down * (side + 1) - 1, across * (side + 1) - 1, {}, 1};
  s.values.assign(static_cast<std::size_t>(s.rows * s.columns), kNone);
  for (std::int64_t u = 0; u < units; ++u)
    for (std::int64_t pixel = 0; pixel < side * side; ++pixel) {
      double sum = 0;
      for (std::int64_t c = 0; c < colours; ++c)
        sum += static_cast<double>(
            phi[static_cast<std::size_t>(W.offset + (c * side * side + pixel) * model.widths[1] + u)]);
      const std::int64_t row = u / across * (side + 1) + pixel / side,
                         column = u % across * (side + 1) + pixel % side;
      s.values[static_cast<std::size_t>(row * s.columns + column)] = sum / static_cast<double>(colours);
    }
  return s;
}

/// The magnitude that one in a hundred shades exceeds, so that a few large weights do not hide the rest.
double limit_of(const Shades& s) {
  std::vector<double> sizes;
  for (const double v : s.values)
    if (std::isfinite(v)) sizes.push_back(std::abs(v));
  const auto place = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() * 99 / 100);
  std::nth_element(sizes.begin(), place, sizes.end());
  return *place > 0 ? *place : 1;
}

/// The theta that trained a base model.
std::string learned_by(const Features& f) {
  return f.theta.empty() ? "" : fmt::format(" Learned by {}.", f.theta);
}

void add_receptive_fields(Section& s, const Features& f, std::size_t number) {
  if (image_shape(f.model).first == 0) return;
  std::vector<Shades> pictures;
  std::vector<std::string> titles;
  if (f.phi_seed) {
    pictures.push_back(receptive_fields(f.model, initial_phi(f.model.widths, *f.phi_seed, 0)));
    titles.push_back(fmt::format("First-layer receptive fields on {}: before", f.data));
  }
  pictures.push_back(receptive_fields(f.model, f.model.phi));
  titles.push_back(fmt::format("First-layer receptive fields on {}: after {} steps", f.data, f.steps));
  const std::string caption = fmt::format(
      "Weights from the {0} x {0} pixels to {1} units, one square each; the largest 1 % are clipped to the "
      "scale. {2}",
      image_shape(f.model).first, std::min(kUnits, f.model.widths[1]),
      f.phi_seed ? "Before and after have separate scales."
                 : "The weights before are unknown: phi was given (apply --phi).");
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    pictures[i].limit = limit_of(pictures[i]);
    s.figures.push_back({.id = fmt::format("fields-{}-{}", number, i),
                         .title = titles[i],
                         .caption = caption + (i + 1 == pictures.size() ? learned_by(f) : ""),
                         .x_label = "",
                         .y_label = "weight",
                         .shades = std::move(pictures[i]),
                         .height = 290,
                         .starts_row = i == 0});
  }
}

void add_two_moons(Section& s, const RunFiles& run) {
  try {
    const TwoMoons m = two_moons(run.theta->config, run.theta->theta, run.theta->mark.value_or(kSteps));
    const std::vector<std::string> names = {"one moon", "the other"};
    Figure inputs{.id = "moons-inputs",
                  .title = "Two moons: the inputs",
                  .caption = "Two half circles with noise, standardised. The rule sees no labels.",
                  .x_label = "input 1",
                  .y_label = "input 2",
                  .tabulated = false,
                  .height = 420};
    for (int k = 0; k < 2; ++k) {
      inputs.curves.push_back(
          {.title = names[static_cast<std::size_t>(k)], .points = {}, .style = k, .joined = false});
      for (Eigen::Index i = 0; i < m.inputs.rows(); ++i)
        if (m.labels[static_cast<std::size_t>(i)] == k)
          inputs.curves.back().points.push_back({m.inputs(i, 0), m.inputs(i, 1)});
    }
    inputs.starts_row = true;
    s.figures.push_back(std::move(inputs));
    const std::string base =
        fmt::format("Representation by the base model {}, projected onto its first two principal components.",
                    fmt::join(m.widths, "-"));
    s.figures.push_back(
        embedding("moons-before", "Two moons: random initialisation", base, m.before, m.labels, names));
    s.figures.back().starts_row = true;
    s.figures.push_back(
        embedding("moons-after", fmt::format("Two moons: after {} inner steps", m.steps),
                  fmt::format("{} Learned without labels by theta of update {}.", base, run.theta->update),
                  m.after, m.labels, names));
  } catch (const checkpoints::Diverged& e) {
    s.problems.emplace_back(e.what());
  }
}

}  // namespace

Section representation_section(const RunFiles& run) {
  Section s{"representation", "Receptive fields and embeddings",
            "Base models trained by the rule: the input weights of the first units, and an embedding of the "
            "examples of each class."};
  s.problems = run.features_problems;
  for (std::size_t i = 0; i < run.features.size(); ++i) add_receptive_fields(s, run.features[i], i);
  for (std::size_t i = 0; i < run.features.size(); ++i) {
    const Features& f = run.features[i];
    const Matrix x = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
                         f.features.data(), static_cast<Eigen::Index>(f.labels.size()), f.model.widths.back())
                         .cast<double>();
    s.figures.push_back(embedding(
        fmt::format("embedding-{}", i), fmt::format("{}: representation after {} steps", f.data, f.steps),
        fmt::format("Examples of the test split ({} in all, at most {} shown), projected onto the first two "
                    "principal components of all of them.{}",
                    x.rows(), kMostPoints, learned_by(f)),
        x, f.labels, f.classes));
    s.figures.back().starts_row = i == 0;
  }
  if (run.features.empty()) {
    const std::string folder = run.directory + "/evaluations", data = data_options(run),
                      word = data.substr(0, data.find(" --data"));
    s.missing.push_back(
        {"There are no features of any data set. This command makes them (with the data named here, or any "
         "other):",
         fmt::format("mkdir -p {} && metalearn apply --theta {} {} --out {}", shell_word(folder),
                     shell_word(run.directory), word, shell_word(folder + "/features-data.h5"))});
  }
  if (run.theta)
    add_two_moons(s, run);
  else
    s.missing.push_back(
        {"The two moons need a theta, but there is no readable snapshot yet. This command checks the run:",
         "metalearn verify " + shell_word(run.directory)});
  return s;
}

}  // namespace metalearn::report
