// StepPlans: one architecture's inner step and meta-objective, recorded, differentiated and compiled.
//
// Each plan is compiled on first use (tens of milliseconds): an evaluation never needs the reverse. One
// thread at a time.
#pragma once
#include <memory>
#include <optional>

#include "autodiff/plan/plan.hpp"
#include "metalearn/model/rule_config.hpp"
#include "metalearn/model/tensor_list.hpp"
#include "metalearn/rules/update_rule.hpp"

namespace metalearn {

template <class T>
class StepPlans {
 public:
  /// Throws std::invalid_argument for invalid shapes, or a top width other than theta's N_L.
  StepPlans(const RuleConfig& rule, const StepShape& shape, int sub_segments);

  const RuleConfig& rule() const { return rule_; }
  const StepShape& shape() const { return shape_; }
  const TensorList& theta() const { return theta_; }
  const TensorList& phi() const { return phi_; }
  autodiff::Shape batch_shape() const { return {shape_.batch_rows(), shape_.batch}; }  ///< of x

  // Inputs in this order: the tensors of theta, those of phi, x, x and targets of each pair, the tensors of
  // the adjoint of phi_{t+1}; without those that a plan does not use.

  const autodiff::Plan<T>& advance();   ///< gives phi_{t+1}
  const autodiff::Plan<T>& score();     ///< of phi: J, the predictions of each pair
  const autodiff::Plan<T>& features();  ///< of phi and any x of 2n examples: x^L
  const autodiff::Plan<T>& turn();      ///< J, phi_{t+1}, contribution to d/dtheta, adjoint of phi_t
  const autodiff::Plan<T>& halves();    ///< the same with a tape that the caller keeps: run_forward,
                                        ///< run_reverse
  /// turn() with every op as written, without fusion.
  autodiff::Plan<T> written_turn() const;
  /// turn() without recomputation.
  autodiff::Plan<T> plain_turn() const;

 private:
  autodiff::Plan<T> compile_turn(const autodiff::TransformOptions& transform, bool in_halves = false) const;

  RuleConfig rule_;
  StepShape shape_;
  int sub_segments_;
  std::unique_ptr<UpdateRule> update_;
  TensorList theta_, phi_;
  std::optional<autodiff::Plan<T>> advance_, score_, features_, turn_, halves_;
};

}  // namespace metalearn
