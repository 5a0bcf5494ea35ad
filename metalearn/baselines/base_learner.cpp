#include "metalearn/baselines/base_learner.hpp"

#include "metalearn/baselines/descent.hpp"
#include "metalearn/model/base_model.hpp"

namespace metalearn {

using namespace autodiff;

namespace {

Plan<float> record_forward(const TensorList& phi, std::int64_t inputs, std::int64_t examples,
                           Activation activation) {
  Graph graph;
  std::vector<Var> in = record_tensors(graph, phi);
  const Phi base = Phi::from_flat(in);
  in.push_back(graph.input(Shape{inputs, examples}, "x"));
  const Var top = forward(base, in.back(), activation).x.back();
  return Plan<float>(in, std::span(&top, 1));
}

}  // namespace

BaseLearner::BaseLearner(const Start& s)
    : task_(s.task),
      spec_(phi_spec(s.task.widths())),
      phi_(initial_phi(s.task.widths(), s.seed, s.stream)),
      forward_(record_forward(spec_, s.task.widths().front(), 2 * s.labels_per_class * s.task.classes(),
                              s.activation)) {}

Matrix BaseLearner::features(std::span<const float> phi, std::span<const float> x) {
  std::vector<const float*> in = pointers(spec_, phi.data());
  in.push_back(x.data());
  const std::int64_t units = task_.widths().back();
  std::vector<float> top(x.size() / static_cast<std::size_t>(task_.widths().front()) *
                         static_cast<std::size_t>(units));
  float* out = top.data();
  forward_.run(in, std::span(&out, 1), arena_, Parallel(1));
  return as_rows(top, units);
}

}  // namespace metalearn
