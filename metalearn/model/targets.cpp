#include "metalearn/model/targets.hpp"

#include <cmath>
#include <stdexcept>

namespace metalearn {

template <class T>
void standardise_targets(std::span<const std::int32_t> labels, std::int64_t classes, std::span<T> y,
                         std::span<const float> coefficients) {
  const auto n = static_cast<std::int64_t>(labels.size()),
             extra = n == 0 ? 0 : static_cast<std::int64_t>(coefficients.size()) / n,
             columns = classes + extra;
  if (static_cast<std::int64_t>(coefficients.size()) != n * extra ||
      static_cast<std::int64_t>(y.size()) != n * columns)
    throw std::invalid_argument("[standardise_targets] y must be [labels, classes + coefficients]");
  const double m = 1.0 / static_cast<double>(classes);  // the mean of one-hot rows
  double squares = 0;                                   // of coefficients
  for (const float c : coefficients) squares += static_cast<double>(c) * static_cast<double>(c);
  const double norm = std::sqrt((1 - m) * (1 - m) + static_cast<double>(classes - 1) * m * m +
                                (extra > 0 ? squares / static_cast<double>(n) : 0.0));
  for (std::int64_t i = 0; i < n; ++i) {
    T* row = y.data() + i * columns;
    for (std::int64_t c = 0; c < classes; ++c)
      row[c] = static_cast<T>(((labels[static_cast<std::size_t>(i)] == c ? 1.0 : 0.0) - m) / norm);
    for (std::int64_t c = 0; c < extra; ++c)
      row[classes + c] =
          static_cast<T>(static_cast<double>(coefficients[static_cast<std::size_t>(i * extra + c)]) / norm);
  }
}

template <class T>
double accuracy(std::span<const T> predictions, std::span<const std::int32_t> labels,
                std::int64_t class_columns) {
  if (labels.empty() || predictions.empty() || predictions.size() % labels.size() != 0)
    throw std::invalid_argument(
        "[accuracy] expected one row of predictions for each label and at least one label");
  const std::size_t n = labels.size(), columns = predictions.size() / n,
                    classes = class_columns == 0 ? columns : static_cast<std::size_t>(class_columns);
  if (class_columns < 0 || classes > columns)
    throw std::invalid_argument("[accuracy] expected no more classes than columns");
  std::size_t right = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = predictions.subspan(i * columns, classes);
    std::size_t best = 0;
    for (std::size_t c = 1; c < classes; ++c)
      if (row[c] > row[best]) best = c;
    // A row with NaN predicts nothing.
    if (std::isfinite(row[best]) && static_cast<std::int32_t>(best) == labels[i]) ++right;
  }
  return static_cast<double>(right) / static_cast<double>(n);
}

template void standardise_targets<float>(std::span<const std::int32_t>, std::int64_t, std::span<float>,
                                         std::span<const float>);
template void standardise_targets<double>(std::span<const std::int32_t>, std::int64_t, std::span<double>,
                                          std::span<const float>);
template double accuracy<float>(std::span<const float>, std::span<const std::int32_t>, std::int64_t);
template double accuracy<double>(std::span<const double>, std::span<const std::int32_t>, std::int64_t);

}  // namespace metalearn
