// Teacher: a task's set of the synthetic family "teacher": a few latent variables make both the inputs and,
// by a random network, the label.
//
//   x = (1 + squash(B squash(A z + a) + b)) / 2,   label = arg max_c of t_c(z) + beta_c,
//   t = D squash(C z + c),   z ~ N(0, I_k)
//
// t is standardised over z and the thresholds beta make the classes about equally frequent; then z is drawn
// until every class has its number. k, the widths of both networks and their gains (how crooked the manifold
// of the inputs and the borders of the classes are) are drawn once per task, so that tasks are easy to hard.
#pragma once
#include "metalearn/data/synthetic/synthetic.hpp"

namespace metalearn {

ImageSet make_teacher(const SyntheticSize& size, Random& random);

}  // namespace metalearn
