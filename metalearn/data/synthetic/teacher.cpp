// Teacher: the synthetic family "teacher": a few latent variables determine the inputs and, through a random
// network, the label.
//
//   x = (1 + squash(B squash(A z + a) + b)) / 2,   label = arg max_c of t_c(z) + beta_c,
//   t = D squash(C z + c),   z ~ N(0, I_k)
//
// t is standardised over z and the thresholds beta make the classes about equally frequent; then z is drawn
// until every class is complete. k, the widths of both networks and their gains (how nonlinear the manifold
// of the inputs and the class boundaries are) are drawn once per task, so that the difficulty of tasks
// varies.
#include <algorithm>
#include <cmath>

#include "metalearn/data/synthetic/synthetic.hpp"

namespace metalearn {
namespace {

constexpr double kFewestLatents = 2, kMostLatents = 12;
constexpr std::int64_t kFewestUnits = 16, kMostUnits = 48;  // hidden units of each network
constexpr double kLeastGain = 0.3, kLargestGain = 2;
constexpr double kBias = 0.5;
constexpr std::int64_t kProbes = 1024, kRounds = 50;  // for fitting the thresholds
constexpr double kRate = 0.3;
constexpr std::int64_t kMostDraws = 16;  // per example needed

/// One hidden layer, of random width and gain. Weights are scaled by fan-in, so that the spread of the
/// outputs does not depend on the numbers of inputs and units.
class Network {
 public:
  Network(Random& random, std::int64_t inputs, std::int64_t outputs)
      : outputs_(static_cast<std::size_t>(outputs)) {
    const std::int64_t hidden = random.between(kFewestUnits, kMostUnits);
    const double gain = log_uniform(random, kLeastGain, kLargestGain);
    below_ = normals(random, inputs * hidden, gain / std::sqrt(static_cast<double>(inputs)));
    bias_ = normals(random, hidden, kBias);
    above_ = normals(random, hidden * outputs, 1 / std::sqrt(static_cast<double>(hidden)));
  }

  void operator()(std::span<const float> in, float* out) const {
    std::fill(out, out + outputs_, 0.0f);
    for (std::size_t h = 0; h < bias_.size(); ++h) {
      float u = bias_[h];
      for (std::size_t i = 0; i < in.size(); ++i) u += below_[h * in.size() + i] * in[i];
      u = squash(u);
      const float* row = above_.data() + h * outputs_;
      for (std::size_t o = 0; o < outputs_; ++o) out[o] += u * row[o];
    }
  }

 private:
  std::size_t outputs_;
  std::vector<float> below_, bias_, above_;
};

std::size_t arg_max(std::span<const float> values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

/// t, standardised, + beta.
class Teacher {
 public:
  Teacher(Random& random, std::int64_t latents, std::int64_t classes)
      : classes_(static_cast<std::size_t>(classes)),
        network_(random, latents, classes),
        scale_(classes_, 1.0f),
        shift_(classes_, 0.0f) {
    std::vector<float> scores(kProbes * classes_);
    for (std::size_t e = 0; e < kProbes; ++e) (*this)(normals(random, latents), scores.data() + e * classes_);
    for (std::size_t c = 0; c < classes_; ++c) {
      double mean = 0, square = 0;
      for (std::size_t e = 0; e < kProbes; ++e)
        mean += static_cast<double>(scores[e * classes_ + c]) / kProbes;
      for (std::size_t e = 0; e < kProbes; ++e)
        square += (static_cast<double>(scores[e * classes_ + c]) - mean) *
                  (static_cast<double>(scores[e * classes_ + c]) - mean) / kProbes;
      scale_[c] = static_cast<float>(1 / std::sqrt(square + 1e-12));
      shift_[c] = static_cast<float>(-mean) * scale_[c];
      for (std::size_t e = 0; e < kProbes; ++e)
        scores[e * classes_ + c] = scores[e * classes_ + c] * scale_[c] + shift_[c];
    }
    // Lowers beta of a class that is too frequent, and raises that of a rare one.
    std::vector<float> beta(classes_, 0.0f), row(classes_);
    for (std::int64_t round = 0; round < kRounds; ++round) {
      std::vector<double> excess(classes_, -1.0);
      for (std::size_t e = 0; e < kProbes; ++e) {
        for (std::size_t c = 0; c < classes_; ++c) row[c] = scores[e * classes_ + c] + beta[c];
        excess[arg_max(row)] += static_cast<double>(classes_) / kProbes;
      }
      for (std::size_t c = 0; c < classes_; ++c) beta[c] -= static_cast<float>(kRate * excess[c]);
    }
    for (std::size_t c = 0; c < classes_; ++c) shift_[c] += beta[c];
  }

  void operator()(std::span<const float> z, float* scores) const {
    network_(z, scores);
    for (std::size_t c = 0; c < classes_; ++c) scores[c] = scores[c] * scale_[c] + shift_[c];
  }

 private:
  std::size_t classes_;
  Network network_;
  std::vector<float> scale_, shift_;
};

ImageSet make_teacher(const SyntheticSize& size, Random& random) {
  const auto latents = static_cast<std::int64_t>(log_uniform(random, kFewestLatents, kMostLatents + 1));
  const Network generator(random, latents, size.inputs);
  const std::vector<float> offset = normals(random, size.inputs, kBias);
  const Teacher teacher(random, latents, size.classes);

  ImageSet set = empty_features(size);
  const auto N = static_cast<std::size_t>(size.inputs), per_class = static_cast<std::size_t>(size.per_class),
             classes = static_cast<std::size_t>(size.classes);
  std::vector<std::size_t> have(classes, 0);
  std::vector<float> scores(classes);
  std::int64_t draws = 0;
  for (std::size_t missing = set.labels.size(); missing > 0; ++draws) {
    const std::vector<float> z = normals(random, latents);
    teacher(z, scores.data());
    // To bound the work, the example finally goes to the best class that still lacks examples.
    if (draws >= kMostDraws * static_cast<std::int64_t>(set.labels.size()))
      for (std::size_t c = 0; c < classes; ++c)
        if (have[c] == per_class) scores[c] = -1e30f;
    const std::size_t label = arg_max(scores);
    if (have[label] == per_class) continue;
    float* x = set.features.data() + (label * per_class + have[label]++) * N;
    generator(z, x);
    for (std::size_t i = 0; i < N; ++i) x[i] = 0.5f * (1 + squash(x[i] + offset[i]));
    --missing;
  }
  return set;
}

}  // namespace

extern const SyntheticFamily kTeacher{.name = "teacher",
                                      .kind = "labels by a random network, synthetic",
                                      .inputs = "a random network of a few latent variables, 0 to 1",
                                      .version = 1,
                                      .make = make_teacher};

}  // namespace metalearn
