#include "metalearn/steps/inner_step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/transform/differentiate.hpp"
#include "metalearn/model/meta_objective.hpp"
#include "metalearn/rules/update_rule.hpp"

namespace metalearn {

using namespace autodiff;

namespace {

Shape shape_of(const TensorSpec& t) { return Shape(std::span<const Index>(t.shape)); }

std::vector<Var> record_inputs(Graph& graph, const TensorList& spec, const std::string& prefix) {
  std::vector<Var> vars;
  for (const TensorSpec& t : spec.tensors) vars.push_back(graph.input(shape_of(t), prefix + t.name));
  return vars;
}

// The labelled pairs of a graph, and the mean objective over them.
struct Scored {
  std::vector<Var> inputs;  // x, targets of each pair
  std::vector<Var> predictions;
  Var J;
};
Scored record_score(const Phi& phi, const StepShape& s, const RuleConfig& rule) {
  Graph& graph = phi.W.front().graph();
  Scored scored;
  for (std::int64_t i = 0; i < s.averages; ++i) {
    scored.inputs.push_back(graph.input(Shape{s.widths.front(), 2 * s.labelled()}, "labelled"));
    scored.inputs.push_back(graph.input(Shape{2, s.labelled(), s.targets()}, "targets"));
    const Objective o = meta_objective(phi, scored.inputs[scored.inputs.size() - 2], scored.inputs.back(),
                                       rule.activation, rule.ridge);
    scored.predictions.push_back(o.predictions);
    scored.J = scored.J ? scored.J + o.J : o.J;
  }
  scored.J = scored.J / static_cast<double>(s.averages);
  return scored;
}

// Numbers of tape that a multiply-add of recomputation is worth: see the table in bench/RESULTS.md.
constexpr double kRecomputePrice = 1.0 / 16;

template <class... Lists>
std::vector<Var> join(const Lists&... lists) {
  std::vector<Var> all;
  (all.insert(all.end(), lists.begin(), lists.end()), ...);
  return all;
}

}  // namespace

template <class T>
struct InnerStep<T>::Impl {
  Impl(const RuleConfig& rule_config, const StepShape& step_shape, int threads, int parts)
      : rule(rule_config),
        shape(step_shape),
        sub_segments(parts),
        parallel(threads),
        update(make_update_rule(rule)),
        theta(update->theta_spec()),
        phi(phi_spec(shape.widths)) {
    if (shape.widths.size() < 2)
      throw std::invalid_argument("[inner step] a base model needs at least one layer");
    if (shape.widths.back() != rule.N_L)
      throw std::invalid_argument(
          fmt::format("[inner step] the base model's top width is {}, theta is made for {} (N_L)",
                      shape.widths.back(), rule.N_L));
    if (shape.batch < 2)
      throw std::invalid_argument(
          fmt::format("[inner step] batch norm needs a batch of at least 2, found {}", shape.batch));
    if (shape.classes < 2 || shape.labels_per_class < 1 || shape.averages < 1 || shape.coefficients < 0)
      throw std::invalid_argument(
          "[inner step] needs at least 2 classes, 1 label per class and 1 pair of batches");
  }

  Phi record_step(Graph& graph, const std::vector<Var>& theta_vars, const std::vector<Var>& phi_vars,
                  Var x) const {
    Theta by_name;
    for (std::size_t i = 0; i < theta_vars.size(); ++i) by_name[theta.tensors[i].name] = theta_vars[i];
    const Scope scope(graph, "step");
    return update->step(by_name, Phi::from_flat(phi_vars), x, [](const std::string&, Var) {});
  }

  Shape batch_shape() const { return Shape{shape.batch_rows(), shape.batch}; }

  // Plans are compiled when first used: an evaluation never needs the reverse.
  const Plan<T>& advance() {
    if (!advance_plan) {
      Graph graph;
      const auto t = record_inputs(graph, theta, ""), p = record_inputs(graph, phi, "");
      const Var x = graph.input(batch_shape(), "x");
      const Phi next = record_step(graph, t, p, x);
      advance_plan.emplace(join(t, p, std::vector{x}), next.flat());
    }
    return *advance_plan;
  }

  const Plan<T>& score() {
    if (!score_plan) {
      Graph graph;
      const auto p = record_inputs(graph, phi, "");
      const Scored s = record_score(Phi::from_flat(p), shape, rule);
      score_plan.emplace(join(p, s.inputs), join(std::vector{s.J}, s.predictions));
    }
    return *score_plan;
  }

  const Plan<T>& features() {
    if (!features_plan) {
      Graph graph;
      const auto p = record_inputs(graph, phi, "");
      const Var x = graph.input(Shape{shape.widths.front(), 2 * shape.labelled()}, "x");
      const Var top = forward(Phi::from_flat(p), x, rule.activation).x.back();
      features_plan.emplace(join(p, std::vector{x}), std::vector{top});
    }
    return *features_plan;
  }

  const Plan<T>& turn() {
    if (!turn_plan) turn_plan.emplace(compile_turn({true, 0, kRecomputePrice, sub_segments}));
    return *turn_plan;
  }

  // turn() for a tape that is kept.
  const Plan<T>& halves() {
    if (!halves_plan) halves_plan.emplace(compile_turn({true, 0, kRecomputePrice, sub_segments}, true));
    return *halves_plan;
  }

  Plan<T> compile_turn(const TransformOptions& transform, bool in_halves = false) const {
    Graph graph;
    const auto t = record_inputs(graph, theta, ""), p = record_inputs(graph, phi, ""),
               adjoint = record_inputs(graph, phi, "adjoint/");
    const Var x = graph.input(batch_shape(), "x");
    const Phi next = record_step(graph, t, p, x);
    const Scored s = record_score(next, shape, rule);
    const auto next_flat = next.flat();
    const auto reverse =
        differentiate(join(next_flat, std::vector{s.J}), join(adjoint, std::vector{Var()}), join(t, p));
    PlanOptions options;
    options.transform = transform;
    options.transform.forward_outputs = 1 + next_flat.size();
    options.halves = in_halves;
    return Plan<T>(join(t, p, std::vector{x}, s.inputs, adjoint), join(std::vector{s.J}, next_flat, reverse),
                   options);
  }

  // Pointers to the tensors of a flat array.
  template <class U>
  static void point(const TensorList& list, U* flat, std::vector<U*>& pointers) {
    for (const TensorSpec& t : list.tensors) pointers.push_back(flat + t.offset);
  }
  static void expect(const char* what, std::size_t found, std::int64_t expected) {
    if (found != static_cast<std::size_t>(expected))
      throw std::invalid_argument(
          fmt::format("[inner step] {} has {} numbers, expected {}", what, found, expected));
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
  void bind_turn(std::span<const T> theta_values, std::span<const T> phi_values, std::span<const T> x,
                 std::span<const LabelledPair<T>> pairs, std::span<const T> adjoint_next) {
    expect("theta", theta_values.size(), theta.size);
    expect("phi", phi_values.size(), phi.size);
    expect("x", x.size(), batch_shape().size());
    expect("the adjoint", adjoint_next.size(), phi.size);
    in.clear(), out.clear();
    point(theta, theta_values.data(), in);
    point(phi, phi_values.data(), in);
    in.push_back(x.data());
    point_pairs(pairs);
    point(phi, adjoint_next.data(), in);
    next_phi.resize(static_cast<std::size_t>(phi.size));
    new_adjoint.resize(static_cast<std::size_t>(phi.size));
    contribution.resize(static_cast<std::size_t>(theta.size));
    out.push_back(&objective);
    point(phi, next_phi.data(), out);
    point(theta, contribution.data(), out);
    point(phi, new_adjoint.data(), out);
  }
  void give_back(std::span<T> adjoint, std::span<T> gradient) const {
    std::copy(new_adjoint.begin(), new_adjoint.end(), adjoint.begin());
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += contribution[i];
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

  RuleConfig rule;
  StepShape shape;
  int sub_segments;
  Parallel parallel;
  std::unique_ptr<UpdateRule> update;
  TensorList theta, phi;
  std::optional<Plan<T>> advance_plan, score_plan, features_plan, turn_plan, halves_plan;
  Arena arena;
  std::optional<double> recomputed;
  std::size_t predicted_peak = 0;
  std::vector<const T*> in;
  std::vector<T*> out;
  std::vector<T> next_phi, new_adjoint, contribution, predictions;
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
  return impl_->turn().tape_bytes();
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
                           std::span<T> phi_next) {
  Impl& m = *impl_;
  m.expect("theta", theta.size(), m.theta.size);
  m.expect("phi", phi.size(), m.phi.size);
  m.expect("x", x.size(), m.batch_shape().size());
  m.expect("phi_next", phi_next.size(), m.phi.size);
  m.in.clear(), m.out.clear();
  m.point(m.theta, theta.data(), m.in);
  m.point(m.phi, phi.data(), m.in);
  m.in.push_back(x.data());
  m.point(m.phi, phi_next.data(), m.out);
  m.run(m.advance());
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
  m.point(m.phi, phi.data(), m.in);
  m.point_pairs(pairs);
  m.out.push_back(&m.objective);
  for (std::int64_t i = 0; i < m.shape.averages; ++i) m.out.push_back(predictions.data() + i * one);
  m.run(m.score());
  return m.objective;
}

template <class T>
void InnerStep<T>::features(std::span<const T> phi, std::span<const T> x, std::span<T> features) {
  Impl& m = *impl_;
  m.expect("phi", phi.size(), m.phi.size);
  m.expect("x", x.size(), m.shape.widths.front() * 2 * m.shape.labelled());
  m.expect("features", features.size(), m.shape.widths.back() * 2 * m.shape.labelled());
  m.in.clear(), m.out.clear();
  m.point(m.phi, phi.data(), m.in);
  m.in.push_back(x.data());
  m.out.push_back(features.data());
  m.run(m.features());
}

template <class T>
T InnerStep<T>::turn(std::span<const T> theta, std::span<const T> phi, std::span<const T> x,
                     std::span<const LabelledPair<T>> pairs, std::span<const T> adjoint_next,
                     std::span<T> adjoint, std::span<T> gradient, std::span<T> phi_next) {
  Impl& m = *impl_;
  m.expect("the new adjoint", adjoint.size(), m.phi.size);
  m.expect("the gradient", gradient.size(), m.theta.size);
  if (!phi_next.empty()) m.expect("phi_next", phi_next.size(), m.phi.size);
  m.bind_turn(theta, phi, x, pairs, adjoint_next);
  m.run(m.turn());
  m.give_back(adjoint, gradient);
  if (!phi_next.empty()) std::copy(m.next_phi.begin(), m.next_phi.end(), phi_next.begin());
  return m.objective;
}

// A tape begins with phi: the reverse reads it, and the caller keeps it nowhere else.
template <class T>
T InnerStep<T>::record(std::span<const T> theta, std::span<const T> phi, std::span<const T> x,
                       std::span<const LabelledPair<T>> pairs, std::span<T> phi_next, std::span<T> tape) {
  Impl& m = *impl_;
  m.expect("phi_next", phi_next.size(), m.phi.size);
  m.expect("the tape", tape.size(), static_cast<std::int64_t>(record_size()));
  m.bind_turn(theta, phi, x, pairs, phi);  // the adjoint is not read yet
  std::copy(phi.begin(), phi.end(), tape.begin());
  m.halves().run_forward(m.in, m.out, m.arena, m.parallel, tape.subspan(m.head_of_tape()));
  m.note(m.halves());
  std::copy(m.next_phi.begin(), m.next_phi.end(), phi_next.begin());
  return m.objective;
}

template <class T>
void InnerStep<T>::reverse(std::span<const T> theta, std::span<const T> tape, std::span<const T> x,
                           std::span<const LabelledPair<T>> pairs, std::span<const T> adjoint_next,
                           std::span<T> adjoint, std::span<T> gradient) {
  Impl& m = *impl_;
  m.expect("the tape", tape.size(), static_cast<std::int64_t>(record_size()));
  m.expect("the new adjoint", adjoint.size(), m.phi.size);
  m.expect("the gradient", gradient.size(), m.theta.size);
  m.bind_turn(theta, tape.first(static_cast<std::size_t>(m.phi.size)), x, pairs, adjoint_next);
  m.halves().run_reverse(m.in, m.out, m.arena, m.parallel, tape.subspan(m.head_of_tape()));
  m.note(m.halves());
  m.give_back(adjoint, gradient);
}

template <class T>
std::size_t InnerStep<T>::record_size() {
  return impl_->head_of_tape() + impl_->halves().tape_numbers();
}
template <class T>
double InnerStep<T>::recomputed_evaluations() {
  Impl& m = *impl_;
  if (!m.recomputed)
    m.recomputed = std::max(0.0, m.turn().cost() - m.compile_turn({}).cost()) / m.advance().cost();
  return *m.recomputed;
}
template <class T>
double InnerStep<T>::forward_arithmetic() {
  return impl_->advance().cost();
}
template <class T>
double InnerStep<T>::turn_arithmetic() {
  return impl_->turn().cost();
}
template <class T>
std::size_t InnerStep<T>::unroll_bytes() {
  return std::max({impl_->advance().peak_bytes(), impl_->turn().peak_bytes(), impl_->halves().peak_bytes()});
}

template <class T>
std::size_t InnerStep<T>::evaluation_bytes() {
  return std::max(impl_->advance().peak_bytes(), impl_->score().peak_bytes());
}

template <class T>
std::string InnerStep<T>::first_non_finite(std::span<const T> theta, std::span<const T> phi,
                                           std::span<const T> x, std::span<const LabelledPair<T>> pairs,
                                           std::span<const T> adjoint_next, std::size_t most_bytes) {
  Impl& m = *impl_;
  m.bind_turn(theta, phi, x, pairs, adjoint_next);
  // Without fusion a message names the op that was written. Its rounding differs, so that now and then only
  // the fused step itself goes wrong.
  const Plan<T> written = m.compile_turn({false, 0, kRecomputePrice});
  if (written.peak_bytes() <= most_bytes)
    if (auto found = written.first_non_finite(m.in, m.out, m.arena, m.parallel)) return *found;
  return m.turn().first_non_finite(m.in, m.out, m.arena, m.parallel).value_or("");
}

template <class T>
std::vector<KernelTiming> InnerStep<T>::profile_turn(std::span<const T> theta, std::span<const T> phi,
                                                     std::span<const T> x,
                                                     std::span<const LabelledPair<T>> pairs,
                                                     std::span<const T> adjoint_next) {
  Impl& m = *impl_;
  m.bind_turn(theta, phi, x, pairs, adjoint_next);
  return m.turn().profile(m.in, m.out, m.arena, m.parallel);
}

template class InnerStep<float>;
template class InnerStep<double>;

}  // namespace metalearn
