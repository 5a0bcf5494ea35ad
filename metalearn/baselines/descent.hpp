// Descent: minimises a loss, recorded once as a graph, over its parameters by Adam. One thread.
#pragma once
#include <functional>

#include "autodiff/plan/plan.hpp"
#include "metalearn/model/tensor_list.hpp"
#include "metalearn/optimise/adam.hpp"

namespace metalearn {

/// One input per tensor of the list, under its name.
std::vector<autodiff::Var> record_tensors(autodiff::Graph& graph, const TensorList& list);
/// The tensors of a flat array.
template <class T>
std::vector<T*> pointers(const TensorList& list, T* flat) {
  std::vector<T*> places;
  for (const TensorSpec& t : list.tensors) places.push_back(flat + t.offset);
  return places;
}

class Descent {
 public:
  /// A scalar from parameters and data.
  using Loss = std::function<autodiff::Var(std::span<const autodiff::Var> parameters,
                                           std::span<const autodiff::Var> data)>;

  Descent(const TensorList& parameters, const std::vector<autodiff::Shape>& data, const Loss& loss,
          double rate);

  /// One step of Adam on `values`; data in the order of the shapes. Returns the loss before the step.
  float step(std::span<float> values, std::span<const float* const> data);
  /// Forgets the moments.
  void restart() { adam_ = {}; }

 private:
  TensorList parameters_;
  double rate_;
  autodiff::Plan<float> plan_;
  autodiff::Arena arena_;
  AdamState adam_;
  std::vector<float> gradient_;
};

}  // namespace metalearn
