#include "autodiff/transform/differentiate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/reduce.hpp"

namespace autodiff {

namespace {

Var zeros(Graph& graph, const Shape& shape) { return broadcast_to(graph.scalar(0), shape); }
Var ones(Graph& graph, const Shape& shape) { return broadcast_to(graph.scalar(1), shape); }

// Merges contributions that are reverses of slices (pads) along one axis into one concat, so that readouts
// sliced from one product write its adjoint once.
Var merge_pads(Graph& graph, std::vector<Var> parts) {
  const auto pad = [&](Var v) -> const PadAttributes& {
    return graph.node(v).attributes.as<PadAttributes>();
  };
  const int axis = pad(parts.front()).axis;
  const auto begin = [&](Var v) { return pad(v).before; };
  const auto end = [&](Var v) { return v.shape()[axis] - pad(v).after; };
  std::sort(parts.begin(), parts.end(), [&](Var a, Var b) { return begin(a) < begin(b); });
  std::vector<Var> pieces;
  Index at = 0;
  const Shape whole = parts.front().shape();
  const auto fill_to = [&](Index to) {
    if (to > at) pieces.push_back(zeros(graph, whole.with(axis, to - at)));
  };
  for (Var v : parts) {
    if (begin(v) < at) return {};  // they overlap
    fill_to(begin(v));
    pieces.push_back(Var(&graph, graph.node(v).inputs[0]));
    at = end(v);
  }
  fill_to(whole[axis]);
  return concat(pieces, axis);
}

Var total(Graph& graph, const std::vector<Var>& contributions) {
  const auto is_pad = [&](Var v) { return is(graph.node(v), pad_op()); };
  const auto axis = [&](Var pad) { return graph.node(pad).attributes.as<PadAttributes>().axis; };
  std::vector<Var> pads, rest;
  for (Var v : contributions)
    (is_pad(v) && (pads.empty() || axis(pads.front()) == axis(v)) ? pads : rest).push_back(v);
  if (pads.size() > 1) {
    if (const Var merged = merge_pads(graph, pads))
      rest.push_back(merged);
    else
      rest.insert(rest.end(), pads.begin(), pads.end());
  } else {
    rest = contributions;
  }
  Var sum = rest.front();
  for (std::size_t i = 1; i < rest.size(); ++i) sum = sum + rest[i];
  return sum;
}

class Sweep {
 public:
  Sweep(Graph& graph, std::span<const Var> wrt) : graph_(graph) {
    needed_.assign(graph.size(), false);
    for (Var v : wrt) needed_[v.id()] = true;
    extend_needed(0);
  }

  void contribute(Var to, Var adjoint) {
    if (adjoint && needed(to.id())) contributions_[to.id()].push_back(adjoint);
  }

  // Processes nodes [begin, end) backwards.
  void run(NodeId begin, NodeId end) {
    for (NodeId id = end; id-- > begin;) {
      const auto found = contributions_.find(id);
      if (found == contributions_.end()) continue;
      const Node& node = graph_.node(id);
      const Attribution attribution(graph_, node);
      const Var adjoint = total(graph_, found->second);
      found->second = {adjoint};
      if (node.inputs.empty() || node.op->zero_gradient) continue;
      std::vector<Var> in;
      const auto wanted = std::make_unique<bool[]>(node.inputs.size());
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        in.emplace_back(&graph_, node.inputs[i]);
        wanted[i] = needed(node.inputs[i]);
      }
      if (std::none_of(wanted.get(), wanted.get() + in.size(), [](bool w) { return w; })) continue;
      if (node.op->vjp) {
        const VjpInput v{in, Var(&graph_, id), adjoint, {wanted.get(), in.size()}};
        const std::vector<Var> adjoints = node.op->vjp(v, node.attributes);
        if (adjoints.size() != in.size())
          throw std::logic_error(fmt::format("[{}] its vjp returned {} adjoints for {} inputs", node.op->name,
                                             adjoints.size(), in.size()));
        for (std::size_t i = 0; i < adjoints.size(); ++i) {
          if (adjoints[i] && adjoints[i].shape() != in[i].shape())
            throw std::logic_error(fmt::format("[{}] its vjp returned an adjoint of {} for an input of {}",
                                               node.op->name, adjoints[i].shape().to_string(),
                                               in[i].shape().to_string()));
          contribute(in[i], adjoints[i]);
        }
      } else {
        // The spec replaces the node: its new nodes are reversed before the sweep continues below.
        const auto first = static_cast<NodeId>(graph_.size());
        const Var meaning = node.op->spec(in, node.attributes);
        const auto last = static_cast<NodeId>(graph_.size());
        extend_needed(first);
        contribute(meaning, adjoint);
        if (meaning.id() >= first) run(first, last);  // as deep as specs are nested
      }
    }
  }

  Var adjoint(Var v) {
    const Attribution attribution(graph_, graph_.node(v));
    const auto found = contributions_.find(v.id());
    return found == contributions_.end() ? zeros(graph_, v.shape()) : total(graph_, found->second);
  }

 private:
  bool needed(NodeId id) const { return id < needed_.size() && needed_[id]; }
  void extend_needed(NodeId first) {
    needed_.resize(graph_.size(), false);
    for (NodeId id = first; id < graph_.size(); ++id)
      for (NodeId i : graph_.node(id).inputs)
        if (needed_[i]) needed_[id] = true;
  }

  Graph& graph_;
  std::vector<bool> needed_;
  std::map<NodeId, std::vector<Var>> contributions_;
};

}  // namespace

std::vector<Var> differentiate(std::span<const Var> outputs, std::span<const Var> adjoints,
                               std::span<const Var> wrt) {
  if (outputs.empty() || outputs.size() != adjoints.size())
    throw std::invalid_argument(
        fmt::format("[differentiate] expected one adjoint for each output, found {} for {}", adjoints.size(),
                    outputs.size()));
  Graph& graph = outputs.front().graph();
  const auto expect_here = [&](const char* what, Var v) {
    if (&v.graph() != &graph)
      throw std::invalid_argument(
          fmt::format("[differentiate] {} belongs to another graph than the first output, {}", what,
                      v.graph().where(v.id())));
  };
  for (Var v : outputs) expect_here("an output", v);
  for (Var v : wrt) expect_here("a Var to differentiate by", v);
  for (Var v : adjoints)
    if (v) expect_here("an adjoint", v);
  Sweep sweep(graph, wrt);
  const auto end = static_cast<NodeId>(graph.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Var seed = adjoints[i] ? adjoints[i] : ones(graph, outputs[i].shape());
    if (seed.shape() != outputs[i].shape())
      throw std::invalid_argument(fmt::format("[differentiate] adjoint {} of output {}: shapes differ, {}",
                                              seed.shape().to_string(), outputs[i].shape().to_string(),
                                              graph.where(outputs[i].id())));
    sweep.contribute(outputs[i], seed);
  }
  sweep.run(0, end);
  std::vector<Var> result;
  for (Var v : wrt) result.push_back(sweep.adjoint(v));
  return result;
}

std::vector<Var> gradient(Var output, std::span<const Var> wrt) {
  if (output.shape().size() != 1)
    throw std::invalid_argument(
        fmt::format("[gradient] expected a scalar, found {}", output.shape().to_string()));
  const Var none;
  return differentiate(std::span(&output, 1), std::span(&none, 1), wrt);
}

}  // namespace autodiff
