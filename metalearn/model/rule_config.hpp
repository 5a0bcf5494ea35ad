// RuleConfig and StepShape: everything that the shapes of theta, phi and one compiled inner step depend on.
// Plain data.
#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace metalearn {

enum class Activation { relu, tanh, sigmoid, elu, softplus, leaky_relu, swish, identity, step };
/// Throws std::invalid_argument naming the known ones.
Activation activation_from(const std::string& name);
std::string to_string(Activation a);
const std::vector<std::string>& activation_names();  ///< in the order of Activation

/// Penalty of the ridge regression in the published code (specification section 10): the default of the
/// meta-objective, and always the penalty of evaluations.
inline constexpr double kRidge = 0.1;

/// Everything that theta's shapes depend on, and the constants of the inner step. Symbols of specification
/// section 1.
struct RuleConfig {
  std::string rule = "metz";
  std::int64_t H = 64;    ///< compute_h_size
  std::int64_t Q = 1;     ///< compute_h_layers
  std::int64_t S = 64;    ///< top_delta_size
  std::int64_t P = 2;     ///< top_delta_layers
  std::int64_t D = 32;    ///< delta_dim
  std::int64_t G = 4;     ///< num_grad_channels
  std::int64_t N_L = 32;  ///< width of the representation
  bool identical_updates = true;
  Activation activation = Activation::relu;
  double inner_rate = 1e-4;  ///< lambda
  double ridge = kRidge;     ///< penalty of the meta-objective's regression
  auto operator<=>(const RuleConfig&) const = default;
};

/// Everything that the shapes of one compiled step depend on.
struct StepShape {
  std::vector<std::int64_t> widths;  ///< N_0 .. N_L
  std::int64_t batch = 128;          ///< B, unlabelled examples of an inner step
  std::int64_t classes = 10;
  std::int64_t labels_per_class = 10;
  std::int64_t averages = 1;      ///< independent pairs of labelled batches (A of section 10)
  std::int64_t coefficients = 0;  ///< target columns after those of the classes (Task::coefficients)
  bool masks = false;  ///< unlabelled batches have dropout masks of the hidden units after their N_0 rows
                       ///< (base_model.hpp)
  std::int64_t labelled() const { return classes * labels_per_class; }  ///< n, examples of one labelled batch
  std::int64_t targets() const { return classes + coefficients; }       ///< columns of the targets
  /// Rows of an unlabelled batch: N_0, plus N_1 .. N_{L-1} with masks.
  std::int64_t batch_rows() const {
    std::int64_t rows = widths.front();
    for (std::size_t l = 1; masks && l + 1 < widths.size(); ++l) rows += widths[l];
    return rows;
  }
  auto operator<=>(const StepShape&) const = default;
};

}  // namespace metalearn
