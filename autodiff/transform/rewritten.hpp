// Rewritten: what a pass over a graph gives back; Rewriter: the copying that passes have in common.
#pragma once
#include <span>
#include <vector>

#include "autodiff/graph/graph.hpp"
#include "autodiff/graph/op.hpp"

namespace autodiff {

/// The nodes of another graph that stand for inputs and outputs of this one.
struct Rewritten {
  std::vector<Var> inputs, outputs;
};

/// Copies nodes of one graph into another, in the order of its caller, with their locations and scopes. Not
/// thread-safe.
class Rewriter {
 public:
  /// REQUIRES an empty target, so that both have the same scopes.
  Rewriter(const Graph& source, Graph& target) : source_(source), target_(target), map_(source.size()) {
    target.take_scopes(source);
  }

  const Graph& source() const { return source_; }
  Graph& target() { return target_; }
  /// What stands for a node of the source; empty if nothing does yet.
  Var& operator[](NodeId id) { return map_[id]; }

  /// The node itself, its operands replaced by what stands for them. REQUIRES them to be there.
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

/// Which nodes of their graph these outputs depend on, themselves included. By id.
std::vector<char> ancestors(std::span<const Var> outputs);

}  // namespace autodiff
