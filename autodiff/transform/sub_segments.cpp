#include "autodiff/transform/sub_segments.hpp"

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/dominator_tree.hpp>

#include "autodiff/graph/graph_view.hpp"
#include "autodiff/graph/op.hpp"
#include "autodiff/transform/rewritten.hpp"

namespace autodiff {

namespace {

// By node: its immediate dominator; the graph's size represents all outputs together.
std::vector<NodeId> dominators(std::span<const Var> outputs) {
  const Graph& graph = outputs.front().graph();
  const GraphView view(graph);
  const std::vector<char> needed = ancestors(outputs);
  // The algorithm needs edges in both directions and a single root.
  using Flow = boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS>;
  const NodeId root = static_cast<NodeId>(graph.size());
  Flow flow(graph.size() + 1);
  for (Var v : outputs) boost::add_edge(root, v.id(), flow);
  for (auto [e, end] = edges(view); e != end; ++e)
    if (needed[source(*e, view)]) boost::add_edge(source(*e, view), target(*e, view), flow);
  std::vector<Flow::vertex_descriptor> nearest(graph.size() + 1, Flow::null_vertex());
  boost::lengauer_tarjan_dominator_tree(
      flow, Flow::vertex_descriptor{root},
      boost::make_iterator_property_map(nearest.begin(), boost::get(boost::vertex_index, flow)));
  std::vector<NodeId> result(graph.size(), root);
  for (NodeId id = 0; id < graph.size(); ++id)
    if (nearest[id] != Flow::null_vertex()) result[id] = static_cast<NodeId>(nearest[id]);
  return result;
}

}  // namespace

SubSegments find_sub_segments(std::span<const Var> forward_outputs, const std::vector<char>& kept,
                              double most) {
  const Graph& graph = forward_outputs.front().graph();
  const std::vector<NodeId> dominator = dominators(forward_outputs);
  const auto size = [&](NodeId id) { return static_cast<double>(graph.node(id).shape.size()); };
  // In order of falling ids a node precedes all nodes that it dominates.
  std::vector<double> numbers(graph.size() + 1, 0);  // kept inside
  for (NodeId id = 0; id < graph.size(); ++id)
    numbers[dominator[id]] += numbers[id] + (kept[id] ? size(id) : 0);
  SubSegments found{std::vector<char>(graph.size(), 0), std::vector<char>(graph.size(), 0)};
  for (NodeId id = static_cast<NodeId>(graph.size()); id-- > 0;) {
    const NodeId above = dominator[id];
    if (above < graph.size() && (found.head[above] || found.inside[above]))
      found.inside[id] = 1;
    else
      found.head[id] = numbers[id] > size(id) && numbers[id] <= most && !graph.is_input(id) &&
                       !graph.is_constant(id) && !view_of(graph, id);
  }
  return found;
}

}  // namespace autodiff
