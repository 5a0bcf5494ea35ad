// Adam: updates theta by the gradient of a meta-batch; with clipping before and a moving average of theta
// after.
//
// All sums run in index order in float64, so that the bits depend only on the numbers. One thread. Kingma and
// Ba 2015, algorithm 1; clipping: metalearn/SOURCES.md.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace metalearn {

/// Scales `gradient` down to 2-norm `limit` if it is longer. Returns its norm before scaling. REQUIRES limit
/// > 0.
double clip_norm(std::span<float> gradient, double limit);
struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
};

/// The optimiser's state: all of it is saved in a snapshot.
struct AdamState {
  std::vector<float> m, v;  ///< first and second moment, as long as theta
  std::int64_t steps = 0;   ///< updates applied; updates whose every task was dropped do not count
};

/// m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  theta -= rate * scale * m/(1-b1^n) / (sqrt(v/(1-b2^n)) +
/// epsilon), n = steps after this one. scale: a factor for each number of theta; empty: 1. Throws
/// std::invalid_argument if sizes differ.
void adam_step(const AdamOptions& options, double rate, std::span<const float> gradient, AdamState& state,
               std::span<float> theta, std::span<const float> scale = {});

/// The debiased moving average after the n-th theta (n = 1, 2, ...): average += (1-d)/(1-d^n) * (theta -
/// average). At n = 1 it is theta itself, and it always equals sum d^(n-i) theta_i / sum d^(n-i).  REQUIRES 0
/// <= d < 1.
void average_theta(double decay, std::int64_t n, std::span<const float> theta, std::span<float> average);

}  // namespace metalearn
