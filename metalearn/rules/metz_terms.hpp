// The twelve terms of a weight layer's increment and their merge (specification sections 8.2 and 8.3).
#pragma once
#include <array>
#include <functional>
#include <string>

#include "autodiff/graph/graph.hpp"

namespace metalearn {

/// Rows of merge/w, in this order (section 8.3).
inline constexpr std::array<const char*, 12> kTerms{
    "0_order",       "1_order",        "decorr_x", "hebb",           "large_decay",    "lin_lower_symm",
    "lin_upper_psd", "lin_upper_symm", "rbf",      "sqr_lower_symm", "sqr_upper_symm", "w_base"};
/// Readouts of the upper and of the lower h (section 3.1).
inline constexpr std::array<const char*, 8> kUpperReadouts{
    "0_order/top",           "rbf/top",           "1_order/top",        "lin_upper_symm/top",
    "lin_upper_symm/bottom", "lin_upper_psd/top", "sqr_upper_symm/top", "sqr_upper_symm/bottom"};
inline constexpr std::array<const char*, 7> kLowerReadouts{
    "0_order/bottom",        "rbf/bottom",         "1_order/bottom",       "lin_lower_symm/top",
    "lin_lower_symm/bottom", "sqr_lower_symm/top", "sqr_lower_symm/bottom"};

/// Inputs of a weight layer's increment. I lower and J upper units, B examples.
struct LayerView {
  autodiff::Var weights;           ///< W^l or V^l [I, J]
  autodiff::Var x_lower, x_upper;  ///< [I, B], [J, B]
  /// Readout "term/side" of the lower resp. upper h, [I, B*G] resp. [J, B*G].
  std::function<autodiff::Var(const std::string&)> lower, upper;
  autodiff::Var merge_w, merge_b;  ///< [12, 1], [1]
  double batch = 0, channels = 0;  ///< B, G
};

/// change_w [I, J]. probe receives each raw term under its name in kTerms.
autodiff::Var weight_increment(const LayerView& view,
                               const std::function<void(const std::string&, autodiff::Var)>& probe);

}  // namespace metalearn
