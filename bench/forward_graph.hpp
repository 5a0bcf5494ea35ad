// ForwardGraph: the plain graph of one inner step and its objective, as InnerStep records it, before fusion;
// to count operations, and to time the parts of the work that InnerStep does before its first turn.
#pragma once
#include <vector>

#include "autodiff/graph/graph.hpp"
#include "bench/presets.hpp"

namespace bench {

class ForwardGraph {
 public:
  explicit ForwardGraph(const Preset& preset);

  /// Multiply-adds of the products (matrix products, convolutions, solves); elementwise work does not count.
  double product_multiply_adds() const;

  /// Appends the reverse, given an adjoint of phi_{t+1}.
  void differentiate();

 private:
  autodiff::Graph graph_;
  std::vector<autodiff::Var> parameters_, outputs_,
      adjoints_;  // parameters: theta and phi; outputs: phi_{t+1} and J
};

/// The useful arithmetic of a meta-gradient step, as in textbooks: three times the products of the forward
/// (once forward, once for each operand's adjoint).
double useful_multiply_adds(const Preset& preset);

}  // namespace bench
