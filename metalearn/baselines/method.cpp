#include "metalearn/baselines/method.hpp"

namespace metalearn {

Matrix as_rows(std::span<const float> x, std::int64_t units) {
  return Eigen::Map<const Eigen::MatrixXf>(x.data(), static_cast<Eigen::Index>(x.size()) / units, units)
      .cast<double>();
}

Matrix unlabelled_rows(const Task& task, std::int64_t t, std::int64_t batch) {
  std::vector<float> x(static_cast<std::size_t>(task.widths().front() * batch));
  task.unlabelled(t, batch, x);
  return as_rows(x, task.widths().front());
}

}  // namespace metalearn
