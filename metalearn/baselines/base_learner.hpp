// BaseLearner: a learner of phi whose representation is x^L of the base model.
#pragma once
#include "autodiff/plan/plan.hpp"
#include "metalearn/baselines/method.hpp"
#include "metalearn/model/tensor_list.hpp"

namespace metalearn {

class BaseLearner : public Learner {
 public:
  /// phi_0 of the start.
  explicit BaseLearner(const Start& start);
  void learn(std::int64_t) override {}
  Matrix features(const LabelledDraw& draw) override { return features(phi_, draw.x); }
  const std::vector<float>& phi() const { return phi_; }

 protected:
  /// x^L of all examples of a draw in one forward pass, as in the meta-objective (specification section 10).
  Matrix features(std::span<const float> phi, std::span<const float> x);

  const Task& task_;
  TensorList spec_;  ///< of phi
  std::vector<float> phi_;

 private:
  autodiff::Plan<float> forward_;
  autodiff::Arena arena_;
};

}  // namespace metalearn
