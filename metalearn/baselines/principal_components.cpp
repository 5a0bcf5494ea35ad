#include "metalearn/baselines/principal_components.hpp"

#include <algorithm>
#include <Eigen/Eigenvalues>

namespace metalearn {

PrincipalComponents principal_components(const Eigen::VectorXd& mean, const Matrix& second, Eigen::Index K) {
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(second - mean * mean.transpose());
  const Eigen::Index kept = std::min(K, mean.size());  // eigenvalues ascend
  return {mean, solver.eigenvectors().rightCols(kept).rowwise().reverse(),
          solver.eigenvalues().tail(kept).reverse(), solver.eigenvalues().sum()};
}

}  // namespace metalearn
