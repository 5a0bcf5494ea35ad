// Principal components of a distribution with known mean and second moments. A plain value; a function
// without state.
#pragma once
#include "metalearn/baselines/method.hpp"

namespace metalearn {

struct PrincipalComponents {
  Eigen::VectorXd mean;      ///< [N]
  Matrix directions;         ///< [N, K], orthonormal columns, by descending variance
  Eigen::VectorXd variance;  ///< [K] along them
  double total = 0;          ///< variance along all N

  /// [B, K] of rows x [B, N].
  Matrix of(const Matrix& x) const { return (x.rowwise() - mean.transpose()) * directions; }
};

/// The first K (all, if there are fewer). second: mean of x x^T, [N, N].
PrincipalComponents principal_components(const Eigen::VectorXd& mean, const Matrix& second, Eigen::Index K);

}  // namespace metalearn
