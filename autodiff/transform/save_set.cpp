#include "autodiff/transform/save_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored \
    "-Wmaybe-uninitialized"  // GCC 12 does not see through Boost's optional in an end iterator
#endif
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/boykov_kolmogorov_max_flow.hpp>

namespace autodiff {

namespace {

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
struct FlowEdge {
  double capacity = 0, residual = 0;
  Traits::edge_descriptor reverse;
};
struct FlowVertex {
  boost::default_color_type colour = boost::white_color;
  Traits::edge_descriptor predecessor;
  long distance = 0;
};
using Network = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, FlowVertex, FlowEdge>;

constexpr double kNever = 1e18;  // a capacity that no minimum cut contains

void connect(Network& net, std::size_t from, std::size_t to, double capacity) {
  const auto forth = boost::add_edge(from, to, FlowEdge{capacity, 0, {}}, net).first;
  const auto back = boost::add_edge(to, from, FlowEdge{}, net).first;
  net[forth].reverse = back;
  net[back].reverse = forth;
}

void expect_forward(std::span<const Var> outputs, std::size_t forward_outputs) {
  if (forward_outputs == 0 || forward_outputs > outputs.size())
    throw std::invalid_argument(
        fmt::format("[save set] expected 1 to {} outputs of the forward pass, found {}", outputs.size(),
                    forward_outputs));
}

double arithmetic(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  return node.op->cost ? node.op->cost(node_shape(graph, id)) : static_cast<double>(node.shape.size());
}

}  // namespace

SaveSet choose_save_set(std::span<const Var> outputs, std::size_t forward_outputs, double price,
                        const SubSegments& parts) {
  if (!(price > 0) || !std::isfinite(price))
    throw std::invalid_argument(fmt::format("[save set] expected a price above 0, found {}", price));
  expect_forward(outputs, forward_outputs);
  const Graph& graph = outputs.front().graph();
  const std::vector<char> needed = ancestors(outputs), forward = ancestors(outputs.first(forward_outputs));
  const auto given = [&](NodeId id) { return graph.is_input(id) || graph.is_constant(id); };
  const auto is_in = [](const std::vector<char>& nodes, NodeId id) { return !nodes.empty() && nodes[id]; };

  // A vertex pair for every computed forward value: if `in` is on the sink's side the value is recomputed; if
  // only `out` is, it is kept.
  std::vector<std::size_t> vertex(graph.size(), 0);
  std::vector<NodeId> values;
  for (NodeId id = 0; id < graph.size(); ++id)
    if (forward[id] && !given(id)) {
      vertex[id] = 2 * values.size();
      values.push_back(id);
    }
  const std::size_t source = 2 * values.size(), sink = source + 1;
  Network net(sink + 1);
  std::vector<char> provided(graph.size(), 0);  // the caller's own memory holds them
  for (Var v : outputs.first(forward_outputs)) provided[v.id()] = 1;
  for (NodeId id : values) {
    const Node& node = graph.node(id);
    connect(net, vertex[id], vertex[id] + 1,
            view_of(graph, id) ? kNever
            : provided[id]     ? 0.0
                               : static_cast<double>(node.shape.size()));
    connect(net, source, vertex[id],
            is_in(parts.head, id)                           ? kNever
            : view_of(graph, id) || is_in(parts.inside, id) ? 0.0
                                                            : price * arithmetic(graph, id));
    for (NodeId i : node.inputs)
      if (!given(i)) connect(net, vertex[i] + 1, vertex[id], kNever);
  }
  std::vector<char> read(graph.size(), 0);
  for (NodeId id = 0; id < graph.size(); ++id)
    if (needed[id] && !forward[id])
      for (NodeId i : graph.node(id).inputs)
        if (forward[i] && !given(i)) read[i] = 1;
  for (NodeId id : values)
    if (read[id]) connect(net, vertex[id] + 1, sink, kNever);

  boost::boykov_kolmogorov_max_flow(
      net, boost::get(&FlowEdge::capacity, net), boost::get(&FlowEdge::residual, net),
      boost::get(&FlowEdge::reverse, net), boost::get(&FlowVertex::predecessor, net),
      boost::get(&FlowVertex::colour, net), boost::get(&FlowVertex::distance, net),
      boost::get(boost::vertex_index, net), source, sink);
  SaveSet set{std::vector<char>(graph.size(), 0), std::vector<char>(graph.size(), 0)};
  const auto with_source = [&](std::size_t v) { return net[v].colour == boost::black_color; };
  for (NodeId id : values) {
    if (!with_source(vertex[id])) {
      set.recomputed[id] = 1;
      if (!view_of(graph, id)) set.extra += arithmetic(graph, id);
    } else if (!with_source(vertex[id] + 1)) {
      set.kept[id] = 1;
      if (!provided[id]) set.numbers += static_cast<double>(graph.node(id).shape.size());
    }
  }
  return set;
}

Rewritten recompute(std::span<const Var> inputs, std::span<const Var> outputs, std::size_t forward_outputs,
                    const SaveSet& saved, Graph& target) {
  expect_forward(outputs, forward_outputs);
  const Graph& graph = outputs.front().graph();
  std::vector<Var> all(inputs.begin(), inputs.end());
  all.insert(all.end(), outputs.begin(), outputs.end());
  const std::vector<char> needed = ancestors(all), forward = ancestors(outputs.first(forward_outputs));
  Rewriter rewriter(graph, target);
  std::vector<Var> first(graph.size());  // of a recomputed value: the forward pass's copy
  std::vector<NodeId> stack, again;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!needed[id]) continue;
    if (!forward[id]) {
      // The operands of this node that are no longer available, and the values they are computed from, in
      // order.
      again.clear();
      stack.assign(1, id);
      while (!stack.empty()) {
        const NodeId reader = stack.back();
        stack.pop_back();
        for (NodeId i : graph.node(reader).inputs)
          if (saved.recomputed[i] && !first[i]) {
            first[i] = rewriter[i];
            again.push_back(i);
            stack.push_back(i);
          }
      }
      std::sort(again.begin(), again.end());
      for (NodeId i : again) rewriter[i] = rewriter.copy(i);
    }
    rewriter[id] = rewriter.copy(id);
  }
  for (Var v : outputs.first(forward_outputs))
    if (first[v.id()]) rewriter[v.id()] = first[v.id()];
  return rewriter.finish(inputs, outputs);
}

}  // namespace autodiff
