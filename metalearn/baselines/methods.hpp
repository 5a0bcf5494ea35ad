// The methods that a learned rule is compared with, one file each. Default options were chosen on
// meta-validation tasks (bench/RESULTS.md).
//
// "Base model" is the task's (specification section 4), started from the same phi_0 by all methods that use
// it; their representation is x^L.
#pragma once
#include "metalearn/baselines/method.hpp"
#include "metalearn/config/config.hpp"

namespace metalearn {

/// The base model as initialised.
Method random_method();
/// The inputs themselves.
Method pixels_method();

struct PcaOptions {
  std::int64_t components = 32, steps = 100, batch = 128;
  bool whiten = false;  ///< divides each component by its standard deviation
};
/// Principal components of the inputs (as many as inputs, if these are fewer). Names: pca, pca_white.
Method pca_method(PcaOptions options = {});

struct RandomReluOptions {
  std::int64_t units = 512;
  double weight = 1;  ///< standard deviation of a weight, divided by the root of the number of inputs
  double bias = 0.1;  ///< standard deviation of a bias
};
/// relu(x W + b) with W and b drawn once.
Method random_relu_method(RandomReluOptions options = {});

struct KmeansOptions {
  std::int64_t centres = 512, steps = 100, batch = 128, iterations = 10;
  std::int64_t kept = 65536;  ///< most examples to cluster: the first ones seen
};
/// Lloyd's algorithm on the examples seen so far; max(0, mean distance - distance to the centre), the
/// "triangle" code of Coates, Ng and Lee (2011).
Method kmeans_method(KmeansOptions options = {});

struct SupervisedOptions {
  std::int64_t steps = 100, batch = 128;
  double rate = 3e-3;  ///< of Adam
};
/// Back-propagation through the base model and a linear readout with cross-entropy, on the whole support at
/// each step, from phi_0 for each draw.
Method supervised_method(SupervisedOptions options = {});
/// The same on batches of the train split with all their labels: an upper reference for the base model.
Method supervised_all_method(SupervisedOptions options = {.steps = 3000, .rate = 3e-3});

struct VaeOptions {
  std::int64_t latents = 32, batch = 128;
  std::vector<std::int64_t> marks = {100, 300, 1000, 1500};
  double rate = 1e-3;  ///< of Adam
};
/// A variational autoencoder (Kingma and Welling 2014) whose encoder is the base model with linear heads for
/// mean and log variance. The decoder's outputs are Bernoulli for inputs in [0, 1], normal with variance 1
/// for standardised features. Its objective is the negative evidence lower bound, in nats per example.
Method vae_method(VaeOptions options = {});

struct OjaOptions {
  std::int64_t batch = 128;
  std::vector<std::int64_t> marks = {30, 100, 300};
  double rate = 0.3;  ///< divided by the total variance of the layer's input
};
/// Oja's rule in all layers simultaneously, with Sanger's (1989) deflation, so that a layer's units become
/// its input's principal components in order.
Method oja_method(OjaOptions options = {});

/// A meta-trained rule. Name: its method_name() (method_list.hpp). chosen: evaluation step selected by
/// meta-validation for these settings; added to its evaluation steps.
Method learned_method(const Config& config, std::vector<float> theta,
                      std::optional<std::int64_t> chosen = {});

}  // namespace metalearn
