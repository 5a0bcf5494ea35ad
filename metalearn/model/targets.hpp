// Targets of the meta-objective: standardised (specification section 10, step 2), and accuracy on them. Pure
// functions.
#pragma once
#include <cstdint>
#include <span>

namespace metalearn {

/// One labelled pair's inputs: a first, then b.
template <class T>
struct LabelledPair {
  std::span<const T> x;        ///< [N_0, 2n]
  std::span<const T> targets;  ///< [2, n, classes + coefficients], standardised by standardise_targets()
};

/// Section 10, step 2: one-hot, centred over all entries, scaled to unit mean row norm. labels [n] in
/// 0..classes-1; y [n, classes + E]. coefficients [n, E] are appended to the one-hot columns: the one-hot
/// columns are centred among themselves, the coefficients (already centred by construction) are not, and
/// everything is divided by the root of the mean over rows of the summed squares of all classes + E columns.
/// So with coefficients the rows of y have unit length only on average.
template <class T>
void standardise_targets(std::span<const std::int32_t> labels, std::int64_t classes, std::span<T> y,
                         std::span<const float> coefficients = {});

/// Fraction of rows of predictions [n, columns] whose largest entry among the first `classes` columns (0:
/// all) is at the label; n >= 1.
template <class T>
double accuracy(std::span<const T> predictions, std::span<const std::int32_t> labels,
                std::int64_t classes = 0);

}  // namespace metalearn
