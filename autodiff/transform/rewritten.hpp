// Rewritten: the result of a pass over a graph; Rewriter: the copying shared by all passes.
#pragma once
#include <span>
#include <vector>

#include "autodiff/graph/graph.hpp"
#include "autodiff/graph/op.hpp"

namespace autodiff {

/// The nodes of the target graph that replace inputs and outputs of the source graph.
struct Rewritten {
  std::vector<Var> inputs, outputs;
};

/// Copies nodes of one graph into another, in the order chosen by the caller, with their locations and
/// scopes. Not thread-safe.
class Rewriter {
 public:
  /// REQUIRES an empty target, so that both have the same scopes.
  Rewriter(const Graph& source, Graph& target) : source_(source), target_(target), map_(source.size()) {
    target.take_scopes(source);
  }

  const Graph& source() const { return source_; }
  Graph& target() { return target_; }
  /// The replacement of a source node; empty if there is none yet.
  Var& operator[](NodeId id) { return map_[id]; }

  /// Copies the node, with its operands replaced. REQUIRES replacements of all operands.
  Var copy(NodeId id) {
    const Node& node = source_.node(id);
    const Attribution attribution(target_, node);
    if (source_.is_input(id)) return target_.input(node.shape, source_.input_name(id));
    if (source_.is_constant(id)) return target_.constant(node.shape, source_.constant_values(id));
    operands_.clear();
    for (NodeId i : node.inputs) operands_.push_back(map_[i]);
    return target_.record(*node.op, operands_, node.attributes, node.location);
  }

  Rewritten finish(std::span<const Var> inputs, std::span<const Var> outputs) {
    Rewritten r;
    for (Var v : inputs) r.inputs.push_back(map_[v.id()]);
    for (Var v : outputs) r.outputs.push_back(map_[v.id()]);
    return r;
  }

 private:
  const Graph& source_;
  Graph& target_;
  std::vector<Var> map_;
  std::vector<Var> operands_;
};

/// By node id: whether these outputs depend on the node, including the outputs themselves.
std::vector<char> ancestors(std::span<const Var> outputs);

}  // namespace autodiff
