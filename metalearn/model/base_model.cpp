#include "metalearn/model/base_model.hpp"

#include <string>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"
#include "metalearn/model/activation.hpp"

namespace metalearn {

using namespace autodiff;

std::vector<Var> Phi::flat() const {
  std::vector<Var> all(W);
  all.insert(all.end(), V.begin(), V.end());
  all.insert(all.end(), b.begin(), b.end());
  return all;
}

Phi Phi::from_flat(const std::vector<Var>& vars) {
  const auto third = static_cast<std::ptrdiff_t>(vars.size() / 3);
  return {{vars.begin(), vars.begin() + third},
          {vars.begin() + third, vars.begin() + 2 * third},
          {vars.begin() + 2 * third, vars.end()}};
}

Activity forward(const Phi& phi, Var x, Activation act) {
  Graph& graph = x.graph();
  const Scope scope(graph, "base");
  const Index inputs = phi.W.front().shape()[0];
  const bool masks = x.shape()[0] > inputs;
  const Var x0 = masks ? slice(x, 0, 0, inputs) : x;
  Index at = inputs;  // row of the next layer's mask
  Activity a{{x0}, {x0}};
  for (std::size_t l = 0; l < phi.W.size(); ++l) {
    const Scope layer(graph, std::to_string(l + 1));
    const Var pre = matmul(phi.W[l], a.x.back(), Transposed::yes);
    const Var centred = pre - mean(pre, {1});
    const Var z = centred * rsqrt(mean(square(centred), {1}) + kBaseBatchNormEpsilon) +
                  reshape(phi.b[l], Shape{phi.b[l].shape()[0], 1});
    a.z.push_back(z);
    a.x.push_back(activate(z, act));
    if (!masks || l + 1 == phi.W.size()) continue;
    const Index units = z.shape()[0];
    a.x.back() = a.x.back() * slice(x, 0, at, at + units);
    at += units;
  }
  return a;
}

}  // namespace metalearn
