#include "metalearn/baselines/vae.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/normal.hpp"
#include "autodiff/ops/reduce.hpp"
#include "metalearn/base/random.hpp"
#include "metalearn/baselines/base_learner.hpp"
#include "metalearn/baselines/descent.hpp"
#include "metalearn/baselines/methods.hpp"
#include "metalearn/model/base_model.hpp"

namespace metalearn {

using namespace autodiff;

namespace {

/// w^T x + b of x [N, B].
Var layer(Var x, Var w, Var b) { return matmul(w, x, Transposed::yes) + reshape(b, Shape{b.shape()[0], 1}); }

/// Examples of the fixed batch of objective(); training never reaches the batch's number.
constexpr std::int64_t kFixedBatch = 512, kFixedBatchNumber = std::int64_t{1} << 40;

std::uint64_t noise_seed(const Start& s, const char* of) {
  return Random(s.seed, s.stream, purpose(of)).bits64();
}

/// Features are standardised, all other inputs are in [0, 1].
Decoder decoder_of(const Task& task) { return task.is_standardised() ? Decoder::normal : Decoder::bernoulli; }

class Vae : public BaseLearner {
 public:
  Vae(const Start& s, const VaeOptions& options)
      : BaseLearner(s),
        batch_(options.batch),
        list_(vae_spec(task_.widths(), options.latents)),
        descent_(
            list_, {Shape{task_.widths().front(), batch_}, Shape{}},
            [&](std::span<const Var> p, std::span<const Var> data) {
              return vae_loss(p, data[0],
                              normal(data[1], Shape{options.latents, batch_}, noise_seed(s, "vae noise")),
                              s.activation, decoder_of(s.task));
            },
            options.rate),
        objective_(record_objective(s, options.latents)),
        values_(initial_vae(task_.widths(), options.latents, s.seed, s.stream)) {}

  void learn(std::int64_t t) override {
    std::vector<float> x(static_cast<std::size_t>(task_.widths().front() * batch_));
    for (; done_ < t; ++done_) {
      task_.unlabelled(done_, batch_, x);
      const auto counter = static_cast<float>(done_);
      const float* data[] = {x.data(), &counter};
      descent_.step(values_, data);
    }
    std::copy_n(values_.begin(), phi_.size(), phi_.begin());
  }

  double objective() override {
    std::vector<float> x(static_cast<std::size_t>(task_.widths().front() * kFixedBatch));
    task_.unlabelled(kFixedBatchNumber, kFixedBatch, x);
    std::vector<const float*> in = pointers<const float>(list_, values_.data());
    in.push_back(x.data());
    float value = 0, *out = &value;
    objective_.run(in, std::span(&out, 1), arena_, Parallel(1));
    return value;
  }

 private:
  Plan<float> record_objective(const Start& s, std::int64_t latents) const {
    Graph graph;
    std::vector<Var> in = record_tensors(graph, list_);
    const Var x = graph.input(Shape{task_.widths().front(), kFixedBatch}, "x");
    const Var noise =
        normal(graph.constant(Shape{}, {0.0}), Shape{latents, kFixedBatch}, noise_seed(s, "vae objective"));
    const Var loss = vae_loss(in, x, noise, s.activation, decoder_of(s.task));
    in.push_back(x);
    return Plan<float>(in, std::span(&loss, 1));
  }

  std::int64_t batch_, done_ = 0;
  TensorList list_;
  Descent descent_;
  Plan<float> objective_;
  Arena arena_;
  std::vector<float> values_;
};

}  // namespace

TensorList vae_spec(const std::vector<std::int64_t>& widths, std::int64_t latents) {
  TensorList list = phi_spec(widths);
  const auto add = [&](const std::string& name, std::int64_t in, std::int64_t out) {
    list.add(name + "/w", {in, out});
    list.add(name + "/b", {out});
  };
  add("mean", widths.back(), latents);
  add("log_variance", widths.back(), latents);
  for (std::size_t l = widths.size() - 1; l > 0; --l)
    add(fmt::format("decoder/{}", widths.size() - l), l + 1 == widths.size() ? latents : widths[l],
        widths[l - 1]);
  return list;
}

std::vector<float> initial_vae(const std::vector<std::int64_t>& widths, std::int64_t latents,
                               std::uint64_t seed, std::uint64_t stream) {
  const TensorList list = vae_spec(widths, latents);
  std::vector<float> values = initial_phi(widths, seed, stream);
  const auto base = static_cast<std::int64_t>(values.size());
  values.resize(static_cast<std::size_t>(list.size), 0.0f);
  Random random(seed, stream, purpose("vae"));
  for (const TensorSpec& t : list.tensors)
    if (t.offset >= base && t.name.ends_with("/w")) {
      const double gain = t.name.starts_with("decoder") ? 2 : 1;  // of what follows: relu halves the variance
      const double deviation = std::sqrt(gain / static_cast<double>(t.shape[0]));
      for (std::int64_t i = 0; i < t.size(); ++i)
        values[static_cast<std::size_t>(t.offset + i)] =
            static_cast<float>(random.truncated_normal(deviation));
    }
  return values;
}

Var vae_loss(std::span<const Var> p, Var x, Var noise, Activation activation, Decoder decoder) {
  // Of L layers there are 3 L tensors of phi, 4 of the heads and 2 L of the decoder.
  const std::size_t L = (p.size() - 4) / 5;
  const Phi phi = Phi::from_flat({p.begin(), p.begin() + static_cast<std::ptrdiff_t>(3 * L)});
  const auto tail = p.subspan(3 * L);
  const Var top = forward(phi, x, activation).x.back();
  const Var mean = layer(top, tail[0], tail[1]), log_variance = layer(top, tail[2], tail[3]);
  Var a = mean + exp(log_variance * 0.5) * noise;
  for (std::size_t l = 0; l < L; ++l) {
    a = layer(a, tail[4 + 2 * l], tail[5 + 2 * l]);
    if (l + 1 < L) a = relu(a);
  }
  // -log p(x | latent)
  const Var surprise = decoder == Decoder::bernoulli
                           ? sum_all(softplus(a) - x * a)
                           : sum_all(square(x - a) + std::log(2 * std::numbers::pi)) * 0.5;
  const Var divergence = sum_all(exp(log_variance) + square(mean) - log_variance - 1.0) * 0.5;
  return (surprise + divergence) / static_cast<double>(x.shape()[1]);
}

Method vae_method(VaeOptions options) {
  return {.name = "vae",
          .summary = "the encoder of a variational autoencoder",
          .settings = fmt::format("{} latents, Adam {}", options.latents, options.rate),
          .sees = Sees::unlabelled,
          .marks = options.marks,
          .batch = options.batch,
          .start = [options](const Start& s) { return std::make_unique<Vae>(s, options); }};
}

}  // namespace metalearn
