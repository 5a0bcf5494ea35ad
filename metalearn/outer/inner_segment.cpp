#include "metalearn/outer/inner_segment.hpp"

#include <algorithm>
#include <cmath>

#include "metalearn/outer/adam.hpp"

namespace metalearn {

std::string first_not_finite(const TensorList& list, std::span<const float> values) {
  for (const auto& t : list.tensors)
    if (!all_finite(values.subspan(static_cast<std::size_t>(t.offset), static_cast<std::size_t>(t.size())))) return t.name;
  return "?";
}

InnerSegment::InnerSegment(InnerStep<float>& step, std::span<const float> theta, const Task& task, std::int64_t first)
    : step_(step), theta_(theta), first_(first), batches_(task, step.shape()) {}

void InnerSegment::advance(Step i, In phi, Out next) {
  step_.advance(theta_, phi, batches_.unlabelled(first_ + i), next);
  check(i, phi, next, {});
}

void InnerSegment::turn(Step i, In phi, Out next, In adjoint_next, Out adjoint, Out contribution) {
  std::fill(contribution.begin(), contribution.end(), 0.0f);
  const float J = step_.turn(theta_, phi, batches_.unlabelled(first_ + i), batches_.labelled(first_ + i + 1), adjoint_next, adjoint, contribution, next);
  check(i, phi, next, adjoint_next);
  note_objective(i, J, phi, adjoint_next);
  check_reversed(i, phi, adjoint_next, adjoint, contribution);
}

void InnerSegment::record(Step i, In phi, Out next, Out tape) {
  const float J = step_.record(theta_, phi, batches_.unlabelled(first_ + i), batches_.labelled(first_ + i + 1), next, tape);
  check(i, phi, next, {});
  note_objective(i, J, phi, {});
}

void InnerSegment::reverse(Step i, In tape, In adjoint_next, Out adjoint, Out contribution) {
  std::fill(contribution.begin(), contribution.end(), 0.0f);
  step_.reverse(theta_, tape, batches_.unlabelled(first_ + i), batches_.labelled(first_ + i + 1), adjoint_next, adjoint, contribution);
  check_reversed(i, tape.first(state_size()), adjoint_next, adjoint, contribution);
}

void InnerSegment::check(Step i, In phi, In next, In adjoint_next) {
  if (!all_finite(next)) fail(i, "phi, " + first_not_finite(step_.phi_list(), next), phi, adjoint_next);
}

void InnerSegment::note_objective(Step i, float J, In phi, In adjoint_next) {
  if (!std::isfinite(J)) fail(i, "the objective", phi, adjoint_next);
  if (objectives_.size() <= static_cast<std::size_t>(i)) objectives_.resize(static_cast<std::size_t>(i) + 1);
  objectives_[static_cast<std::size_t>(i)] = J;
}

void InnerSegment::check_reversed(Step i, In phi, In adjoint_next, In adjoint, In contribution) {
  if (!all_finite(adjoint)) fail(i, "the adjoint of phi, " + first_not_finite(step_.phi_list(), adjoint), phi, adjoint_next);
  if (!all_finite(contribution)) fail(i, "the gradient, " + first_not_finite(step_.theta_list(), contribution), phi, adjoint_next);
}

// The step is replayed, looking at every value. Where it is not on its way back yet, the adjoint is zero.
void InnerSegment::fail(Step i, const std::string& what, In phi, In adjoint_next) {
  const std::vector<float> zero(state_size(), 0.0f);
  const std::int64_t t = first_ + i;
  throw NotFinite(t, what, step_.first_non_finite(theta_, phi, batches_.unlabelled(t), batches_.labelled(t + 1), adjoint_next.empty() ? In(zero) : adjoint_next));
}

}  // namespace metalearn
