// k-means: Lloyd's algorithm, initialised by k-means++ (Arthur and Vassilvitskii 2007). Sums run in the order
// of the examples; one thread.
#pragma once
#include "metalearn/base/random.hpp"

#include <Eigen/Core>

namespace metalearn {

/// Centres [k, N] of the rows of x [n, N], k = min(centres, n). A centre without examples does not move.
Eigen::MatrixXf kmeans(const Eigen::MatrixXf& x, std::int64_t centres, std::int64_t iterations,
                       Random random);

/// [n, k]: distances of rows to centres.
Eigen::MatrixXf distances(const Eigen::MatrixXf& x, const Eigen::MatrixXf& centres);

}  // namespace metalearn
