#include <fmt/format.h>

#include <cmath>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"
#include "metalearn/baselines/base_learner.hpp"
#include "metalearn/baselines/descent.hpp"
#include "metalearn/baselines/methods.hpp"
#include "metalearn/model/base_model.hpp"

namespace metalearn {

using namespace autodiff;

namespace {

/// W + rate * (s y^T - W U) / (B v), s the centred input [N, B] of total variance v, y = W^T s [M, B]: U = y
/// y^T with zeros below its diagonal, so that unit j learns from the residual of units 0 .. j.
Var oja_step(Var W, Var input, double rate) {
  Graph& graph = W.graph();
  const Index M = W.shape()[1];
  const double B = static_cast<double>(input.shape()[1]);
  const Var s = input - mean(input, {1});
  const Var y = matmul(W, s, Transposed::yes);
  std::vector<double> upper(static_cast<std::size_t>(M * M), 0.0);
  for (Index k = 0; k < M; ++k)
    for (Index j = k; j < M; ++j) upper[static_cast<std::size_t>(k * M + j)] = 1;
  const Var U = matmul(y, y, Transposed::no, Transposed::yes) * graph.constant(Shape{M, M}, std::move(upper));
  const Var change = matmul(s, y, Transposed::no, Transposed::yes) - matmul(W, U);
  return W + change * rate / (sum_all(square(s)) + B * 1e-12);
}

Plan<float> record_step(const TensorList& spec, std::int64_t inputs, std::int64_t batch, double rate,
                        Activation activation) {
  Graph graph;
  std::vector<Var> in = record_tensors(graph, spec);
  const Phi phi = Phi::from_flat(in);
  in.push_back(graph.input(Shape{inputs, batch}, "x"));
  const Activity a = forward(phi, in.back(), activation);
  std::vector<Var> out;
  for (std::size_t l = 0; l < phi.W.size(); ++l) out.push_back(oja_step(phi.W[l], a.x[l], rate));
  return Plan<float>(in, out);
}

class Oja : public BaseLearner {
 public:
  Oja(const Start& s, const OjaOptions& options)
      : BaseLearner(s),
        batch_(options.batch),
        step_(record_step(spec_, task_.widths().front(), batch_, options.rate, s.activation)),
        next_(phi_) {}

  void learn(std::int64_t t) override {
    std::vector<float> x(static_cast<std::size_t>(task_.widths().front() * batch_));
    for (; done_ < t; ++done_) {
      task_.unlabelled(done_, batch_, x);
      std::vector<const float*> in = pointers<const float>(spec_, phi_.data());
      in.push_back(x.data());
      std::vector<float*> out = pointers(spec_, next_.data());
      out.resize(task_.widths().size() - 1);  // only W, which comes first
      step_.run(in, out, arena_, Parallel(1));
      phi_.swap(next_);
    }
  }

 private:
  std::int64_t batch_, done_ = 0;
  Plan<float> step_;
  Arena arena_;
  std::vector<float> next_;
};

}  // namespace

Method oja_method(OjaOptions options) {
  return {.name = "oja",
          .summary = "principal components layer by layer, by Oja's rule",
          .settings = fmt::format("rate {} over the input's variance", options.rate),
          .sees = Sees::unlabelled,
          .marks = options.marks,
          .batch = options.batch,
          .start = [options](const Start& s) { return std::make_unique<Oja>(s, options); }};
}

}  // namespace metalearn
