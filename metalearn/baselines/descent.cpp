#include "metalearn/baselines/descent.hpp"

#include "autodiff/transform/differentiate.hpp"

namespace metalearn {

using namespace autodiff;

namespace {

Plan<float> record(const TensorList& parameters, const std::vector<Shape>& shapes,
                   const Descent::Loss& loss) {
  Graph graph;
  const std::vector<Var> p = record_tensors(graph, parameters);
  std::vector<Var> data;
  for (const Shape& s : shapes) data.push_back(graph.input(s, "data"));
  std::vector<Var> out = {loss(p, data)};
  const std::vector<Var> adjoints = gradient(out[0], p);
  out.insert(out.end(), adjoints.begin(), adjoints.end());
  std::vector<Var> in = p;
  in.insert(in.end(), data.begin(), data.end());
  return Plan<float>(in, out);
}

}  // namespace

std::vector<Var> record_tensors(Graph& graph, const TensorList& list) {
  std::vector<Var> vars;
  for (const TensorSpec& t : list.tensors)
    vars.push_back(graph.input(Shape(std::span<const Index>(t.shape)), t.name));
  return vars;
}

Descent::Descent(const TensorList& parameters, const std::vector<Shape>& data, const Loss& loss, double rate)
    : parameters_(parameters),
      rate_(rate),
      plan_(record(parameters, data, loss)),
      gradient_(static_cast<std::size_t>(parameters.size)) {}

float Descent::step(std::span<float> values, std::span<const float* const> data) {
  float loss = 0;
  std::vector<const float*> in = pointers<const float>(parameters_, values.data());
  in.insert(in.end(), data.begin(), data.end());
  std::vector<float*> out = {&loss};
  const auto places = pointers(parameters_, gradient_.data());
  out.insert(out.end(), places.begin(), places.end());
  plan_.run(in, out, arena_, Parallel(1));
  if (adam_.m.empty()) adam_.m.assign(values.size(), 0.0f), adam_.v.assign(values.size(), 0.0f);
  adam_step({}, rate_, gradient_, adam_, values);
  return loss;
}

}  // namespace metalearn
