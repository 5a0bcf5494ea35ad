// The variational autoencoder's parameters and objective (Kingma and Welling 2014), as tape ops.
#pragma once
#include "metalearn/baselines/method.hpp"
#include "metalearn/model/base_model.hpp"

namespace metalearn {

/// phi, linear heads of x^L for mean and log variance of the latents, and a decoder of the base model's
/// widths in reverse.
TensorList vae_spec(const std::vector<std::int64_t>& widths, std::int64_t latents);
/// phi_0 of (seed, stream), then the rest.
std::vector<float> initial_vae(const std::vector<std::int64_t>& widths, std::int64_t latents,
                               std::uint64_t seed, std::uint64_t stream);

/// Meaning of the decoder's outputs: the log odds of a Bernoulli variable for inputs in [0, 1], or the mean
/// of a normal with variance 1 for standardised ones.
enum class Decoder { bernoulli, normal };

/// Negative evidence lower bound, mean over examples, in nats: -log p(x | latent) plus the divergence from
/// the standard normal. p: the tensors of vae_spec(). x [N_0, B]; noise [latents, B] standard normal.
autodiff::Var vae_loss(std::span<const autodiff::Var> p, autodiff::Var x, autodiff::Var noise,
                       Activation activation, Decoder decoder);

}  // namespace metalearn
