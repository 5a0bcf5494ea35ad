// Representation: the features x^L that a base model computes for any number of examples.
//
// Batch norm (specification section 4) uses the statistics of the current batch, so that an example's
// features depend on the rest of its batch. With statistics fixed once over a data set, layer by layer, they
// depend only on phi and the example. One thread at a time.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "autodiff/plan/plan.hpp"
#include "metalearn/model/rule_config.hpp"
#include "metalearn/model/tensor_list.hpp"

namespace metalearn {

/// Mean and variance (biased) of a layer's a^l = x^(l-1) W^l over a data set, per unit.
struct LayerMoments {
  std::vector<float> mean, variance;  ///< [N_l]
};

class Representation {
 public:
  /// Writes examples first .. first + count - 1 as columns 0 .. count - 1 of x [N_0, batch]; the other
  /// columns are zero.
  using Source =
      std::function<void(std::int64_t first, std::int64_t count, std::int64_t batch, std::span<float> x)>;

  /// phi is flat in the order of phi_spec(widths). Throws std::invalid_argument if its size differs.
  Representation(std::vector<std::int64_t> widths, Activation activation, std::vector<float> phi,
                 int threads = 1);

  /// Fixes the statistics of every layer over these n examples, first layer first. Sums run over the examples
  /// in order, so they do not depend on threads. REQUIRES n >= 1.
  void fix_statistics(std::int64_t n, const Source& source);
  /// Statistics of layers 1 .. L; empty before they are fixed.
  const std::vector<LayerMoments>& moments() const { return moments_; }

  /// Features [n, N_L] with the fixed statistics. REQUIRES a call of fix_statistics before.
  std::vector<float> features(std::int64_t n, const Source& source);
  /// Features [n, N_L] with the statistics of each batch of `batch` consecutive examples; a smaller last
  /// batch is filled up with the examples before it. REQUIRES 2 <= batch <= n.
  std::vector<float> batch_features(std::int64_t n, std::int64_t batch, const Source& source);

 private:
  autodiff::Plan<float> compile(std::size_t layers) const;
  void run(const autodiff::Plan<float>& plan, std::size_t layers, std::span<const float> x,
           std::span<float> out);

  std::vector<std::int64_t> widths_;
  Activation activation_;
  TensorList spec_;
  std::vector<float> phi_;
  std::vector<LayerMoments> moments_;
  std::vector<std::vector<float>>
      scales_;  ///< 1 / sqrt(variance + eps) for the layers whose statistics are fixed
  autodiff::Parallel parallel_;
  autodiff::Arena arena_;
};

}  // namespace metalearn
