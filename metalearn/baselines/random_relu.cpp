#include <fmt/format.h>

#include <cmath>

#include "metalearn/base/random.hpp"
#include "metalearn/baselines/methods.hpp"

namespace metalearn {
namespace {

class RandomRelu : public Learner {
 public:
  RandomRelu(const Start& s, const RandomReluOptions& options)
      : weights_(s.task.widths().front(), options.units), bias_(options.units) {
    Random random(s.seed, s.stream, purpose("random_relu"));
    const double deviation = options.weight / std::sqrt(static_cast<double>(weights_.rows()));
    for (double& w : weights_.reshaped()) w = deviation * random.normal();
    for (double& b : bias_) b = options.bias * random.normal();
  }
  void learn(std::int64_t) override {}
  Matrix features(const LabelledDraw& draw) override {
    return ((as_rows(draw.x, weights_.rows()) * weights_).rowwise() + bias_).cwiseMax(0.0);
  }

 private:
  Matrix weights_;
  Eigen::RowVectorXd bias_;
};

}  // namespace

Method random_relu_method(RandomReluOptions options) {
  return {.name = "random_relu",
          .summary = "relu units with weights drawn once",
          .settings = fmt::format("{} units, weights {}/sqrt(inputs), biases {}", options.units,
                                  options.weight, options.bias),
          .start = [options](const Start& s) { return std::make_unique<RandomRelu>(s, options); }};
}

}  // namespace metalearn
