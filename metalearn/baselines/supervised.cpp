#include <fmt/format.h>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/gather.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/ops/softmax.hpp"
#include "metalearn/baselines/base_learner.hpp"
#include "metalearn/baselines/descent.hpp"
#include "metalearn/baselines/methods.hpp"
#include "metalearn/model/base_model.hpp"

namespace metalearn {

using namespace autodiff;

namespace {

/// phi, then a linear readout of x^L.
TensorList with_readout(const Task& task) {
  TensorList list = phi_spec(task.widths());
  list.add("readout/w", {task.widths().back(), task.classes()});
  list.add("readout/b", {task.classes()});
  return list;
}

/// Cross-entropy of the labels. Data: x [N_0, B], labels [B].
Descent::Loss cross_entropy(std::int64_t classes, Activation activation) {
  return [=](std::span<const Var> p, std::span<const Var> data) {
    const Phi phi = Phi::from_flat({p.begin(), p.end() - 2});
    const Var top = forward(phi, data[0], activation).x.back();
    const Var logits = matmul(top, p[p.size() - 2], Transposed::yes) + p.back();
    return softmax_cross_entropy(logits, one_hot(data[1], classes));
  };
}

/// Trains phi on labelled batches of one size.
class Supervised : public BaseLearner {
 public:
  Supervised(const Start& s, const SupervisedOptions& options, std::int64_t batch)
      : BaseLearner(s),
        batch_(batch),
        descent_(with_readout(task_), {Shape{task_.widths().front(), batch}, Shape{batch}},
                 cross_entropy(task_.classes(), s.activation), options.rate),
        start_(phi_) {
    start_.resize(static_cast<std::size_t>(with_readout(task_).size), 0.0f);  // the readout starts at zero
    values_ = start_;
  }

 protected:
  void step(std::span<const float> x, std::span<const std::int32_t> labels) {
    numbers_.assign(labels.begin(), labels.end());
    const float* data[] = {x.data(), numbers_.data()};
    descent_.step(values_, data);
  }
  void restart() {
    values_ = start_;
    descent_.restart();
  }
  std::span<const float> trained() const { return std::span(values_).first(phi_.size()); }

  std::int64_t batch_;

 private:
  Descent descent_;
  std::vector<float> start_, values_, numbers_;
};

class OnSupport : public Supervised {
 public:
  OnSupport(const Start& s, const SupervisedOptions& options)
      : Supervised(s, options, s.labels_per_class * s.task.classes()) {}
  void learn(std::int64_t t) override { steps_ = t; }
  Matrix features(const LabelledDraw& draw) override {
    const auto inputs = static_cast<std::size_t>(task_.widths().front()),
               n = static_cast<std::size_t>(batch_);
    std::vector<float> x(inputs * n);
    for (std::size_t i = 0; i < inputs; ++i)
      std::copy_n(draw.x.begin() + static_cast<std::ptrdiff_t>(i * 2 * n), n,
                  x.begin() + static_cast<std::ptrdiff_t>(i * n));
    restart();
    for (std::int64_t t = 0; t < steps_; ++t) step(x, draw.support);
    return BaseLearner::features(trained(), draw.x);
  }

 private:
  std::int64_t steps_ = 0;
};

class OnAllLabels : public Supervised {
 public:
  OnAllLabels(const Start& s, const SupervisedOptions& options) : Supervised(s, options, options.batch) {}
  void learn(std::int64_t t) override {
    std::vector<float> x(static_cast<std::size_t>(task_.widths().front() * batch_));
    std::vector<std::int32_t> labels(static_cast<std::size_t>(batch_));
    for (; done_ < t; ++done_) {
      task_.unlabelled(done_, batch_, x, labels);
      step(x, labels);
    }
  }
  Matrix features(const LabelledDraw& draw) override { return BaseLearner::features(trained(), draw.x); }

 private:
  std::int64_t done_ = 0;
};

std::string describe(const SupervisedOptions& o) { return fmt::format("Adam {}", o.rate); }

}  // namespace

Method supervised_method(SupervisedOptions options) {
  return {.name = "supervised",
          .summary = "the base model trained only on the few labels",
          .settings = describe(options),
          .sees = Sees::support,
          .marks = {options.steps},
          .batch = options.batch,
          .start = [options](const Start& s) { return std::make_unique<OnSupport>(s, options); }};
}

Method supervised_all_method(SupervisedOptions options) {
  return {.name = "supervised_all",
          .summary = "the base model trained with all labels of the train split: an upper reference",
          .settings = describe(options),
          .sees = Sees::all_labels,
          .marks = {options.steps},
          .batch = options.batch,
          .start = [options](const Start& s) { return std::make_unique<OnAllLabels>(s, options); }};
}

}  // namespace metalearn
