// The methods that a learned rule is compared with, one file each. Defaults of the options were chosen on
// meta-validation tasks (bench/RESULTS.md).
//
// "Base model" is that of the task (specification section 4), started from the same phi_0 by all that have
// one; their representation is x^L.
#pragma once
#include "metalearn/baselines/method.hpp"
#include "metalearn/config/config.hpp"

namespace metalearn {

/// The base model as it is initialised.
Method random_method();
/// The inputs themselves.
Method pixels_method();

struct PcaOptions {
  std::int64_t components = 32, steps = 100, batch = 128;
  bool whiten = false;  ///< divides each component by its deviation
};
/// Principal components of the inputs (of all inputs, where there are fewer). Names: pca, pca_white.
Method pca_method(PcaOptions options = {});

struct RandomReluOptions {
  std::int64_t units = 512;
  double weight = 1;  ///< deviation of a weight, over the root of the inputs
  double bias = 0.1;  ///< deviation of a bias
};
/// relu(x W + b) with W and b drawn once.
Method random_relu_method(RandomReluOptions options = {});

struct KmeansOptions {
  std::int64_t centres = 512, steps = 100, batch = 128, iterations = 10;
  std::int64_t kept = 65536;  ///< most examples that are clustered: the first ones seen
};
/// Lloyd's algorithm on the examples seen so far; max(0, mean distance - distance to the centre), the
/// "triangle" code of Coates, Ng and Lee (2011).
Method kmeans_method(KmeansOptions options = {});

struct SupervisedOptions {
  std::int64_t steps = 100, batch = 128;
  double rate = 3e-3;  ///< of Adam
};
/// Back-propagation of the cross-entropy of a linear readout through the base model, on all of the support at
/// each step, from phi_0 for each draw.
Method supervised_method(SupervisedOptions options = {});
/// The same on batches of the train split with all their labels: what the base model can do at all.
Method supervised_all_method(SupervisedOptions options = {.steps = 3000, .rate = 3e-3});

struct VaeOptions {
  std::int64_t latents = 32, batch = 128;
  std::vector<std::int64_t> marks = {100, 300, 1000, 1500};
  double rate = 1e-3;  ///< of Adam
};
/// A variational autoencoder (Kingma and Welling 2014) whose encoder is the base model with linear heads for
/// mean and log variance. What it decodes to are Bernoulli variables for inputs in [0, 1], normal ones of
/// variance 1 for standardised features. Its objective is minus the evidence lower bound, in nats per
/// example.
Method vae_method(VaeOptions options = {});

struct OjaOptions {
  std::int64_t batch = 128;
  std::vector<std::int64_t> marks = {30, 100, 300};
  double rate = 0.3;  ///< over the total variance of the layer's input
};
/// Oja's rule in every layer at once, with Sanger's (1989) deflation, so that a layer's units become its
/// input's principal components in order.
Method oja_method(OjaOptions options = {});

/// A meta-trained rule. Name: its method_name() (method_list.hpp). chosen: steps that meta-validation chose
/// for these settings; one of its marks then.
Method learned_method(const Config& config, std::vector<float> theta,
                      std::optional<std::int64_t> chosen = {});

}  // namespace metalearn
