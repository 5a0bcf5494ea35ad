#include "metalearn/report/two_moons.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "checkpoints/error.hpp"
#include "metalearn/base/random.hpp"
#include "metalearn/model/representation.hpp"
#include "metalearn/steps/inner_step.hpp"

namespace metalearn::report {
namespace {

constexpr std::int64_t kPoints = 400, kHidden = 32, kMostSteps = 300;
constexpr double kNoise = 0.08;           ///< deviation, in radii
constexpr double kMostArithmetic = 2e10;  ///< multiply-adds: a second of one core
constexpr std::uint64_t kSeed = 1;

TwoMoons moons() {
  TwoMoons m{Matrix(kPoints, 2), {}, 0, {}, {}, {}};
  Random random(kSeed, purpose("two moons"));
  for (std::int64_t i = 0; i < kPoints; ++i) {
    const bool second = i % 2 == 1;
    const double angle = random.uniform(0, std::numbers::pi), x = std::cos(angle), y = std::sin(angle);
    m.inputs.row(i) << (second ? 1 - x : x) + kNoise * random.normal(),
        (second ? 0.5 - y : y) + kNoise * random.normal();
    m.labels.push_back(second);
  }
  m.inputs.rowwise() -= m.inputs.colwise().mean();
  for (Eigen::Index k = 0; k < 2; ++k)
    m.inputs.col(k) /= std::sqrt(m.inputs.col(k).squaredNorm() / static_cast<double>(kPoints));
  return m;
}

Matrix representation(const TwoMoons& m, const Config& config, const std::vector<float>& phi) {
  const Representation::Source all = [&](std::int64_t first, std::int64_t count, std::int64_t batch,
                                         std::span<float> x) {
    for (std::int64_t e = 0; e < count; ++e)
      for (std::int64_t unit = 0; unit < 2; ++unit)
        x[static_cast<std::size_t>(unit * batch + e)] = static_cast<float>(m.inputs(first + e, unit));
  };
  Representation r(m.widths, config.rule.activation, phi);
  r.fix_statistics(kPoints, all);
  const std::vector<float> rows = r.features(kPoints, all);
  Matrix features = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
                        rows.data(), kPoints, m.widths.back())
                        .cast<double>();
  if (!features.allFinite())
    throw checkpoints::Diverged(
        fmt::format("two moons: the representation is not finite after {} inner steps", m.steps));
  return features;
}

}  // namespace

TwoMoons two_moons(const Config& config, const std::vector<float>& theta, std::int64_t steps) {
  TwoMoons m = moons();
  m.widths = {2, kHidden, kHidden, config.rule.N_L};
  std::vector<float> phi = initial_phi(m.widths, kSeed, 0), next(phi.size()),
                     x(static_cast<std::size_t>(2 * config.batch));
  m.before = representation(m, config, phi);
  InnerStep<float> step(config.rule, {m.widths, config.batch, 2, 1, 1});
  m.steps = std::min({steps, kMostSteps,
                      static_cast<std::int64_t>(std::max(1.0, kMostArithmetic / step.forward_arithmetic()))});
  for (std::int64_t t = 0; t < m.steps; ++t) {
    Random random(kSeed, purpose("two moons batch"), t);
    for (std::int64_t e = 0; e < config.batch; ++e) {
      const auto point = static_cast<Eigen::Index>(random.below(kPoints));
      for (std::int64_t unit = 0; unit < 2; ++unit)
        x[static_cast<std::size_t>(unit * config.batch + e)] = static_cast<float>(m.inputs(point, unit));
    }
    step.advance(theta, phi, x, next);
    phi.swap(next);
  }
  m.after = representation(m, config, phi);
  return m;
}

}  // namespace metalearn::report
