#include "metalearn/steps/step_plans.hpp"

#include <fmt/format.h>

#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/transform/differentiate.hpp"
#include "metalearn/model/meta_objective.hpp"
#include "metalearn/model/phi.hpp"

namespace metalearn {

using namespace autodiff;

namespace {

Shape shape_of(const TensorSpec& t) { return Shape(std::span<const Index>(t.shape)); }

std::vector<Var> record_inputs(Graph& graph, const TensorList& spec, const std::string& prefix) {
  std::vector<Var> vars;
  for (const TensorSpec& t : spec.tensors) vars.push_back(graph.input(shape_of(t), prefix + t.name));
  return vars;
}

Phi record_step(const UpdateRule& update, const TensorList& theta, const std::vector<Var>& theta_vars,
                const std::vector<Var>& phi_vars, Var x) {
  Theta by_name;
  for (std::size_t i = 0; i < theta_vars.size(); ++i) by_name[theta.tensors[i].name] = theta_vars[i];
  const Scope scope(x.graph(), "step");
  return update.step(by_name, Phi::from_flat(phi_vars), x, [](const std::string&, Var) {});
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
StepPlans<T>::StepPlans(const RuleConfig& rule, const StepShape& shape, int sub_segments)
    : rule_(rule),
      shape_(shape),
      sub_segments_(sub_segments),
      update_(make_update_rule(rule)),
      theta_(update_->theta_spec()),
      phi_(phi_spec(shape.widths)) {
  if (shape.widths.size() < 2)
    throw std::invalid_argument("[inner step] a base model needs at least one layer");
  if (shape.widths.back() != rule.N_L)
    throw std::invalid_argument(
        fmt::format("[inner step] the base model's top width is {}, but theta has N_L = {}",
                    shape.widths.back(), rule.N_L));
  if (shape.batch < 2)
    throw std::invalid_argument(
        fmt::format("[inner step] batch norm needs a batch of at least 2, found {}", shape.batch));
  if (shape.classes < 2 || shape.labels_per_class < 1 || shape.averages < 1 || shape.coefficients < 0)
    throw std::invalid_argument(
        "[inner step] needs at least 2 classes, 1 label per class and 1 pair of batches");
}

template <class T>
const Plan<T>& StepPlans<T>::advance() {
  if (!advance_) {
    Graph graph;
    const auto t = record_inputs(graph, theta_, ""), p = record_inputs(graph, phi_, "");
    const Var x = graph.input(batch_shape(), "x");
    const Phi next = record_step(*update_, theta_, t, p, x);
    advance_.emplace(join(t, p, std::vector{x}), next.flat());
  }
  return *advance_;
}

template <class T>
const Plan<T>& StepPlans<T>::score() {
  if (!score_) {
    Graph graph;
    const auto p = record_inputs(graph, phi_, "");
    const Scored s = record_score(Phi::from_flat(p), shape_, rule_);
    score_.emplace(join(p, s.inputs), join(std::vector{s.J}, s.predictions));
  }
  return *score_;
}

template <class T>
const Plan<T>& StepPlans<T>::features() {
  if (!features_) {
    Graph graph;
    const auto p = record_inputs(graph, phi_, "");
    const Var x = graph.input(Shape{shape_.widths.front(), 2 * shape_.labelled()}, "x");
    const Var top = forward(Phi::from_flat(p), x, rule_.activation).x.back();
    features_.emplace(join(p, std::vector{x}), std::vector{top});
  }
  return *features_;
}

template <class T>
const Plan<T>& StepPlans<T>::turn() {
  if (!turn_)
    turn_.emplace(compile_turn({.recompute_price = kRecomputePrice, .sub_segments = sub_segments_}));
  return *turn_;
}

template <class T>
const Plan<T>& StepPlans<T>::halves() {
  if (!halves_)
    halves_.emplace(compile_turn({.recompute_price = kRecomputePrice, .sub_segments = sub_segments_}, true));
  return *halves_;
}

template <class T>
Plan<T> StepPlans<T>::written_turn() const {
  return compile_turn({.fuse = false, .recompute_price = kRecomputePrice});
}

template <class T>
Plan<T> StepPlans<T>::plain_turn() const {
  return compile_turn({});
}

template <class T>
Plan<T> StepPlans<T>::compile_turn(const TransformOptions& transform, bool in_halves) const {
  Graph graph;
  const auto t = record_inputs(graph, theta_, ""), p = record_inputs(graph, phi_, ""),
             adjoint = record_inputs(graph, phi_, "adjoint/");
  const Var x = graph.input(batch_shape(), "x");
  const Phi next = record_step(*update_, theta_, t, p, x);
  const Scored s = record_score(next, shape_, rule_);
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

template class StepPlans<float>;
template class StepPlans<double>;

}  // namespace metalearn
