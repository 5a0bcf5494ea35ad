#include "autodiff/transform/rewritten.hpp"

namespace autodiff {

std::vector<char> ancestors(std::span<const Var> outputs) {
  if (outputs.empty()) return {};
  const Graph& graph = outputs.front().graph();
  std::vector<char> found(graph.size(), 0);
  for (Var v : outputs) found[v.id()] = 1;
  for (auto id = static_cast<NodeId>(graph.size()); id-- > 0;)
    if (found[id])
      for (NodeId i : graph.node(id).inputs) found[i] = 1;
  return found;
}

}  // namespace autodiff
