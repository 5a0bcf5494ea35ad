// Mixture: a task's set of the synthetic family "mixture": a Gaussian mixture, each class one to three of its
// components.
//
//   x = (1 + squash(g v)) / 2,   v = o + m_c + sum_j sqrt(lambda_j) z_j u_j + s e,   z_j, e standard normal
//
// A factor model: k directions u_j with variances lambda_j = j^-a / sum, a power law as natural images have,
// and isotropic noise of deviation s. The component's mean m_c lies in the span of the first q directions, as
// far out as these vary times a separation: r sqrt(lambda_j) n_j along u_j. Offset o, directions, k, a, q, r,
// s and the number of components are drawn once per task, so that tasks are easy to hard.
#pragma once
#include "metalearn/data/synthetic/synthetic.hpp"

namespace metalearn {

ImageSet make_mixture(const SyntheticSize& size, Random& random);

}  // namespace metalearn
