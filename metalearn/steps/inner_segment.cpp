#include "metalearn/steps/inner_segment.hpp"

#include <cmath>

#include "metalearn/base/finite.hpp"

namespace metalearn {

namespace {

template <class T>
std::string first_of(const TensorList& list, std::span<const T> values) {
  for (const auto& t : list.tensors)
    if (!all_finite(values.subspan(static_cast<std::size_t>(t.offset), static_cast<std::size_t>(t.size()))))
      return t.name;
  return "?";
}

}  // namespace

std::string first_not_finite(const TensorList& list, std::span<const float> values) {
  return first_of(list, values);
}

template <class T>
InnerSegment<T>::InnerSegment(InnerStep<T>& step, std::type_identity_t<std::span<const T>> theta,
                              const Task& task, std::int64_t first, std::int64_t steps)
    : step_(step),
      theta_(theta),
      first_(first),
      batches_(task, step.shape()),
      objectives_(static_cast<std::size_t>(steps), 0.0) {}

template <class T>
void InnerSegment<T>::advance(Step i, In phi, Out next) {
  step_.advance(theta_, phi, batches_.unlabelled(first_ + i), next);
  check(i, phi, next, {});
}

template <class T>
StepInputs<T> InnerSegment<T>::inputs(Step i, In phi, In adjoint_next) {
  const std::int64_t t = first_ + i;
  return {.theta = theta_,
          .phi = phi,
          .x = batches_.unlabelled(t),
          .pairs = batches_.labelled(t + 1),
          .adjoint_next = adjoint_next};
}

template <class T>
void InnerSegment<T>::turn(Step i, In phi, Out next, In adjoint_next, Out adjoint, Out contribution) {
  const T J = step_.turn(inputs(i, phi, adjoint_next), next, adjoint, contribution);
  check(i, phi, next, adjoint_next);
  note_objective(i, J, phi, adjoint_next);
  check_reversed(i, phi, adjoint_next, adjoint, contribution);
}

template <class T>
void InnerSegment<T>::record(Step i, In phi, Out next, Out tape) {
  const T J = step_.record(inputs(i, phi, {}), next, tape);
  check(i, phi, next, {});
  note_objective(i, J, phi, {});
}

template <class T>
void InnerSegment<T>::reverse(Step i, In tape, In adjoint_next, Out adjoint, Out contribution) {
  step_.reverse(inputs(i, {}, adjoint_next), tape, adjoint, contribution);
  check_reversed(i, tape.first(state_size()), adjoint_next, adjoint, contribution);
}

template <class T>
void InnerSegment<T>::check(Step i, In phi, In next, In adjoint_next) {
  if (!all_finite(next)) fail(i, "phi, " + first_of(step_.phi_list(), next), phi, adjoint_next);
}

template <class T>
void InnerSegment<T>::note_objective(Step i, T J, In phi, In adjoint_next) {
  if (!std::isfinite(J)) fail(i, "the objective", phi, adjoint_next);
  objectives_.at(static_cast<std::size_t>(i)) = J;
}

template <class T>
void InnerSegment<T>::check_reversed(Step i, In phi, In adjoint_next, In adjoint, In contribution) {
  if (!all_finite(adjoint))
    fail(i, "the adjoint of phi, " + first_of(step_.phi_list(), adjoint), phi, adjoint_next);
  if (!all_finite(contribution))
    fail(i, "the gradient, " + first_of(step_.theta_list(), contribution), phi, adjoint_next);
}

// Replays the step and checks every value. Before the reverse sweep, the adjoint is zero.
template <class T>
void InnerSegment<T>::fail(Step i, const std::string& what, In phi, In adjoint_next) {
  const std::vector<T> zero(state_size(), T{0});
  throw NotFinite(
      first_ + i, what,
      step_.first_non_finite(inputs(i, phi, adjoint_next.empty() ? In(zero) : adjoint_next), most_bytes_));
}

template class InnerSegment<float>;
template class InnerSegment<double>;

}  // namespace metalearn
