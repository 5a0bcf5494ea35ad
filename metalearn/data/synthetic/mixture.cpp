// Mixture: the synthetic family "mixture": Gaussian mixtures, each class one to three of the components.
//
//   x = (1 + squash(g v)) / 2,   v = o + m_c + sum_j sqrt(lambda_j) z_j u_j + s e,   z_j, e standard normal
//
// A factor model: k directions u_j with variances lambda_j = j^-a / sum, a power law as in natural images,
// and isotropic noise of standard deviation s. The component's mean m_c lies in the span of the first q
// directions: r sqrt(lambda_j) n_j along u_j, with separation r and n_j standard normal. Offset o,
// directions, k, a, q, r, s and the number of components are drawn once per task, so that the difficulty of
// tasks varies.
#include <algorithm>
#include <cmath>

#include "metalearn/base/portable_math.hpp"
#include "metalearn/data/synthetic/synthetic.hpp"

namespace metalearn {
namespace {

constexpr double kFewestFactors = 6, kMostFactors = 32;
constexpr double kLeastExponent = 0.5, kLargestExponent = 1.5;
constexpr std::int64_t kFewestLeading = 5, kMostLeading = 12;
constexpr double kLeastSeparation = 0.9,
                 kLargestSeparation = 2.2;              // of the means, over the deviation within a component
constexpr std::int64_t kMostComponents = 3;             // of a class
constexpr double kLeastNoise = 0.2, kLargestNoise = 1;  // over the deviation that all factors give an input
constexpr double kOffset = 0.5, kGain = 0.7;

ImageSet make_mixture(const SyntheticSize& size, Random& random) {
  const auto N = static_cast<std::size_t>(size.inputs);
  const auto factors =
      std::min(size.inputs, static_cast<std::int64_t>(log_uniform(random, kFewestFactors, kMostFactors + 1)));
  const double exponent = random.uniform(kLeastExponent, kLargestExponent);
  const auto leading = random.between(std::min(kFewestLeading, factors), std::min(kMostLeading, factors));
  const double separation = random.uniform(kLeastSeparation, kLargestSeparation);
  const std::int64_t components = random.between(1, kMostComponents);
  const auto noise = static_cast<float>(random.uniform(kLeastNoise, kLargestNoise));

  // Row j: sqrt(lambda_j) u_j; the entries of u_j have variance 1.
  std::vector<double> lambda;
  double total = 0;
  for (std::int64_t j = 1; j <= factors; ++j)
    total += lambda.emplace_back(portable::exp(-exponent * portable::log(static_cast<double>(j))));
  std::vector<std::vector<float>> directions;
  for (const double variance : lambda)
    directions.push_back(normals(random, size.inputs, std::sqrt(variance / total)));
  const auto add = [&](std::int64_t j, float amount, float* v) {
    const float* direction = directions[static_cast<std::size_t>(j)].data();
    for (std::size_t i = 0; i < N; ++i) v[i] += amount * direction[i];
  };
  const std::vector<float> offset = normals(random, size.inputs, kOffset);
  std::vector<std::vector<float>> means(static_cast<std::size_t>(size.classes * components), offset);
  for (auto& mean : means)
    for (std::int64_t j = 0; j < leading; ++j)
      add(j, static_cast<float>(separation * random.normal()), mean.data());

  ImageSet set = empty_features(size);
  for (std::size_t e = 0; e < set.labels.size(); ++e) {
    float* v = set.features.data() + e * N;
    const auto component = static_cast<std::size_t>(
        set.labels[e] * components +
        static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(components))));
    std::copy(means[component].begin(), means[component].end(), v);
    for (std::int64_t j = 0; j < factors; ++j) add(j, static_cast<float>(random.normal()), v);
    for (std::size_t i = 0; i < N; ++i)
      v[i] = 0.5f *
             (1 + squash(static_cast<float>(kGain) * (v[i] + noise * static_cast<float>(random.normal()))));
  }
  return set;
}

}  // namespace

extern const SyntheticFamily kMixture{.name = "mixture",
                                      .kind = "Gaussian mixtures, synthetic",
                                      .inputs = "normal vectors of low-rank covariance, squashed to 0 to 1",
                                      .version = 1,
                                      .make = make_mixture};

}  // namespace metalearn
