#include "metalearn/steps/inner_step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <utility>

#include "metalearn/steps/step_plans.hpp"

namespace metalearn {

using namespace autodiff;

namespace {

// Memory for outputs of turn() that the caller does not need.
template <class T>
struct Outputs {
  Outputs(const TensorList& phi, const TensorList& theta)
      : next(static_cast<std::size_t>(phi.size)),
        adjoint(next),
        contribution(static_cast<std::size_t>(theta.size)) {}
  std::vector<T> next, adjoint, contribution;
};

}  // namespace

template <class T>
struct InnerStep<T>::Impl {
  // The caller's memory, with its name for messages.
  struct Named {
    const char* what;
    std::span<const T> memory;
  };

  static constexpr const char *kNext = "phi_{t+1}", *kAdjoint = "the adjoint of phi_t",
                              *kContribution = "the contribution to d/dtheta";

  Impl(const RuleConfig& rule, const StepShape& step_shape, int threads, int sub_segments)
      : plans(rule, step_shape, sub_segments),
        shape(plans.shape()),
        theta(plans.theta()),
        phi(plans.phi()),
        parallel(threads) {}

  static void expect(const char* what, std::size_t found, std::int64_t expected) {
    if (found != static_cast<std::size_t>(expected))
      throw std::invalid_argument(
          fmt::format("[inner step] {} has {} numbers, expected {}", what, found, expected));
  }
  static void expect_apart(std::initializer_list<Named> outputs, std::initializer_list<Named> inputs) {
    const auto overlap = [](std::span<const T> a, std::span<const T> b) {
      const std::less<const T*> before;
      return before(a.data(), b.data() + b.size()) && before(b.data(), a.data() + a.size());
    };
    const auto refuse = [](const Named& a, const Named& b) {
      throw std::invalid_argument(
          fmt::format("[inner step] {} overlaps {}; give it separate memory", a.what, b.what));
    };
    for (auto out = outputs.begin(); out != outputs.end(); ++out) {
      for (const Named& in : inputs)
        if (overlap(out->memory, in.memory)) refuse(*out, in);
      for (auto other = outputs.begin(); other != out; ++other)
        if (overlap(out->memory, other->memory)) refuse(*out, *other);
    }
  }

  // Pointers to the tensors of a flat array; the array is empty if this half of the plan does not use it.
  template <class U>
  static void point(const TensorList& list, std::span<U> flat, std::vector<U*>& pointers) {
    for (const TensorSpec& t : list.tensors)
      pointers.push_back(flat.empty() ? nullptr : flat.data() + t.offset);
  }
  void point_pairs(std::span<const LabelledPair<T>> pairs) {
    expect("the list of labelled pairs", pairs.size(), shape.averages);
    for (const auto& pair : pairs) {
      expect("a labelled pair's x", pair.x.size(), shape.widths.front() * 2 * shape.labelled());
      expect("a labelled pair's targets", pair.targets.size(), 2 * shape.labelled() * shape.targets());
      in.push_back(pair.x.data());
      in.push_back(pair.targets.data());
    }
  }
  // Binds the plans of a turn. An empty output is one that this half does not write.
  void bind_turn(const StepInputs<T>& inputs, std::span<T> next, std::span<T> adjoint,
                 std::span<T> contribution) {
    expect("theta", inputs.theta.size(), theta.size);
    expect("phi", inputs.phi.size(), phi.size);
    expect("x", inputs.x.size(), plans.batch_shape().size());
    expect_apart({{kNext, next}, {kAdjoint, adjoint}, {kContribution, contribution}},
                 {{"theta", inputs.theta},
                  {"phi", inputs.phi},
                  {"x", inputs.x},
                  {"the adjoint of phi_{t+1}", inputs.adjoint_next}});
    in.clear(), out.clear();
    point(theta, inputs.theta, in);
    point(phi, inputs.phi, in);
    in.push_back(inputs.x.data());
    point_pairs(inputs.pairs);
    point(phi, inputs.adjoint_next, in);
    out.push_back(&objective);
    point(phi, next, out);
    point(theta, contribution, out);
    point(phi, adjoint, out);
  }
  void expect_next(std::span<const T> next) const { expect(kNext, next.size(), phi.size); }
  void expect_reverse(std::span<const T> adjoint_next, std::span<const T> adjoint,
                      std::span<const T> contribution) const {
    expect("the adjoint of phi_{t+1}", adjoint_next.size(), phi.size);
    expect(kAdjoint, adjoint.size(), phi.size);
    expect(kContribution, contribution.size(), theta.size);
  }
  void run(const Plan<T>& plan) {
    plan.run(in, out, arena, parallel);
    note(plan);
  }
  void note(const Plan<T>& plan) { predicted_peak = std::max(predicted_peak, plan.peak_bytes()); }

  // phi at the head of a tape, in whole cache lines.
  std::size_t head_of_tape() const {
    constexpr std::size_t kLine = 64 / sizeof(T);
    return (static_cast<std::size_t>(phi.size) + kLine - 1) / kLine * kLine;
  }

  StepPlans<T> plans;
  const StepShape& shape;
  const TensorList &theta, &phi;
  Parallel parallel;
  Arena arena;
  std::optional<double> recomputed;
  std::size_t predicted_peak = 0;
  std::vector<const T*> in;
  std::vector<T*> out;
  std::vector<T> predictions;
  T objective = 0;
};

template <class T>
InnerStep<T>::InnerStep(const RuleConfig& rule, const StepShape& shape, int threads, int sub_segments)
    : impl_(std::make_unique<Impl>(rule, shape, threads, sub_segments)) {}
template <class T>
InnerStep<T>::~InnerStep() = default;
template <class T>
InnerStep<T>::InnerStep(InnerStep&&) noexcept = default;

template <class T>
const StepShape& InnerStep<T>::shape() const {
  return impl_->shape;
}
template <class T>
std::int64_t InnerStep<T>::theta_size() const {
  return impl_->theta.size;
}
template <class T>
std::int64_t InnerStep<T>::phi_size() const {
  return impl_->phi.size;
}
template <class T>
const TensorList& InnerStep<T>::theta_list() const {
  return impl_->theta;
}
template <class T>
const TensorList& InnerStep<T>::phi_list() const {
  return impl_->phi;
}
template <class T>
std::size_t InnerStep<T>::tape_bytes() {
  return impl_->plans.turn().tape_bytes();
}
template <class T>
std::size_t InnerStep<T>::predicted_peak_bytes() const {
  return impl_->predicted_peak;
}
template <class T>
std::size_t InnerStep<T>::high_water_bytes() const {
  return impl_->arena.high_water();
}
template <class T>
Arena InnerStep<T>::exchange_arena(Arena arena) {
  return std::exchange(impl_->arena, std::move(arena));
}

template <class T>
void InnerStep<T>::advance(std::span<const T> theta, std::span<const T> phi, std::span<const T> x,
                           std::span<T> next) {
  Impl& m = *impl_;
  m.expect("theta", theta.size(), m.theta.size);
  m.expect("phi", phi.size(), m.phi.size);
  m.expect("x", x.size(), m.plans.batch_shape().size());
  m.expect_next(next);
  m.expect_apart({{m.kNext, next}}, {{"theta", theta}, {"phi", phi}, {"x", x}});
  m.in.clear(), m.out.clear();
  m.point(m.theta, theta, m.in);
  m.point(m.phi, phi, m.in);
  m.in.push_back(x.data());
  m.point(m.phi, next, m.out);
  m.run(m.plans.advance());
}

template <class T>
T InnerStep<T>::score(std::span<const T> phi, std::span<const LabelledPair<T>> pairs,
                      std::span<T> predictions) {
  Impl& m = *impl_;
  m.expect("phi", phi.size(), m.phi.size);
  const std::int64_t one = m.shape.labelled() * m.shape.targets();
  if (predictions.empty()) {
    m.predictions.resize(static_cast<std::size_t>(m.shape.averages * one));
    predictions = m.predictions;
  }
  m.expect("predictions", predictions.size(), m.shape.averages * one);
  m.in.clear(), m.out.clear();
  m.point(m.phi, phi, m.in);
  m.point_pairs(pairs);
  m.out.push_back(&m.objective);
  for (std::int64_t i = 0; i < m.shape.averages; ++i) m.out.push_back(predictions.data() + i * one);
  m.run(m.plans.score());
  return m.objective;
}

template <class T>
void InnerStep<T>::features(std::span<const T> phi, std::span<const T> x, std::span<T> features) {
  Impl& m = *impl_;
  m.expect("phi", phi.size(), m.phi.size);
  m.expect("x", x.size(), m.shape.widths.front() * 2 * m.shape.labelled());
  m.expect("features", features.size(), m.shape.widths.back() * 2 * m.shape.labelled());
  m.in.clear(), m.out.clear();
  m.point(m.phi, phi, m.in);
  m.in.push_back(x.data());
  m.out.push_back(features.data());
  m.run(m.plans.features());
}

template <class T>
T InnerStep<T>::turn(const StepInputs<T>& in, std::span<T> next, std::span<T> adjoint,
                     std::span<T> contribution) {
  Impl& m = *impl_;
  m.expect_next(next);
  m.expect_reverse(in.adjoint_next, adjoint, contribution);
  m.bind_turn(in, next, adjoint, contribution);
  m.run(m.plans.turn());
  return m.objective;
}

// A tape begins with phi: the reverse reads it, and the caller keeps no other copy.
template <class T>
T InnerStep<T>::record(const StepInputs<T>& in, std::span<T> next, std::span<T> tape) {
  Impl& m = *impl_;
  m.expect_next(next);
  m.expect("the tape", tape.size(), static_cast<std::int64_t>(record_size()));
  m.bind_turn(in, next, {}, {});
  m.expect_apart({{"the tape", tape}, {m.kNext, next}}, {{"phi", in.phi}});
  std::copy(in.phi.begin(), in.phi.end(), tape.begin());
  m.plans.halves().run_forward(m.in, m.out, m.arena, m.parallel, tape.subspan(m.head_of_tape()));
  m.note(m.plans.halves());
  return m.objective;
}

template <class T>
void InnerStep<T>::reverse(const StepInputs<T>& in, std::span<const T> tape, std::span<T> adjoint,
                           std::span<T> contribution) {
  Impl& m = *impl_;
  m.expect("the tape", tape.size(), static_cast<std::int64_t>(record_size()));
  m.expect_reverse(in.adjoint_next, adjoint, contribution);
  StepInputs<T> recorded = in;
  recorded.phi = tape.first(static_cast<std::size_t>(m.phi.size));
  m.bind_turn(recorded, {}, adjoint, contribution);
  m.plans.halves().run_reverse(m.in, m.out, m.arena, m.parallel, tape.subspan(m.head_of_tape()));
  m.note(m.plans.halves());
}

template <class T>
std::size_t InnerStep<T>::record_size() {
  return impl_->head_of_tape() + impl_->plans.halves().tape_numbers();
}
template <class T>
double InnerStep<T>::recomputed_evaluations() {
  Impl& m = *impl_;
  if (!m.recomputed)
    m.recomputed =
        std::max(0.0, m.plans.turn().cost() - m.plans.plain_turn().cost()) / m.plans.advance().cost();
  return *m.recomputed;
}
template <class T>
double InnerStep<T>::forward_arithmetic() {
  return impl_->plans.advance().cost();
}
template <class T>
double InnerStep<T>::turn_arithmetic() {
  return impl_->plans.turn().cost();
}
template <class T>
std::size_t InnerStep<T>::unroll_bytes() {
  return std::max({impl_->plans.advance().peak_bytes(), impl_->plans.turn().peak_bytes(),
                   impl_->plans.halves().peak_bytes()});
}

template <class T>
std::size_t InnerStep<T>::evaluation_bytes() {
  return std::max(impl_->plans.advance().peak_bytes(), impl_->plans.score().peak_bytes());
}

template <class T>
std::string InnerStep<T>::first_non_finite(const StepInputs<T>& in, std::size_t most_bytes) {
  Impl& m = *impl_;
  Outputs<T> unused(m.phi, m.theta);
  m.bind_turn(in, unused.next, unused.adjoint, unused.contribution);
  // Without fusion a message names the op as written. Its rounding differs, so occasionally only the fused
  // step fails.
  const Plan<T> written = m.plans.written_turn();
  if (written.peak_bytes() <= most_bytes)
    if (auto found = written.first_non_finite(m.in, m.out, m.arena, m.parallel)) return *found;
  return m.plans.turn().first_non_finite(m.in, m.out, m.arena, m.parallel).value_or("");
}

template <class T>
std::vector<KernelTiming> InnerStep<T>::profile_turn(const StepInputs<T>& in) {
  Impl& m = *impl_;
  Outputs<T> unused(m.phi, m.theta);
  m.bind_turn(in, unused.next, unused.adjoint, unused.contribution);
  return m.plans.turn().profile(m.in, m.out, m.arena, m.parallel);
}

template class InnerStep<float>;
template class InnerStep<double>;

}  // namespace metalearn
