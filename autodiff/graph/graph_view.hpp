// GraphView: adapts a Graph to the Boost Graph Library without copying it. Vertices are nodes; the out-edges
// of a node lead to its inputs, in operand order.
//
// Models VertexListGraph, IncidenceGraph and EdgeListGraph, with the node's id as vertex_index:
// boost::topological_sort gives inputs before their users. A view is valid as long as its graph; nodes
// recorded later are visible to iterators created later.
#pragma once
#include <boost/graph/graph_traits.hpp>
#include <boost/graph/properties.hpp>
#include <boost/iterator/counting_iterator.hpp>
#include <boost/iterator/iterator_facade.hpp>
#include <boost/property_map/property_map.hpp>
#include <cstddef>
#include <iosfwd>
#include <utility>

#include "autodiff/graph/graph.hpp"

namespace autodiff {

struct GraphView {
  const Graph* graph = nullptr;
  explicit GraphView(const Graph& g) : graph(&g) {}

  /// From a node to its input number `operand`.
  struct Edge {
    NodeId node = kNoNode;
    std::size_t operand = 0;
    auto operator<=>(const Edge&) const = default;
  };

  /// Iterates over edges by node, then operand.
  class EdgeIterator : public boost::iterator_facade<EdgeIterator, Edge, boost::forward_traversal_tag, Edge> {
   public:
    EdgeIterator() = default;
    EdgeIterator(const Graph& graph, Edge at) : graph_(&graph), at_(at) { skip_finished(); }

   private:
    friend class boost::iterator_core_access;
    Edge dereference() const { return at_; }
    bool equal(const EdgeIterator& other) const { return at_ == other.at_; }
    void increment() {
      ++at_.operand;
      skip_finished();
    }
    void skip_finished() {
      while (at_.node < graph_->size() && at_.operand >= graph_->node(at_.node).inputs.size())
        at_ = {at_.node + 1, 0};
    }
    const Graph* graph_ = nullptr;
    Edge at_;
  };

  struct Category : boost::vertex_list_graph_tag, boost::incidence_graph_tag, boost::edge_list_graph_tag {};
  using vertex_descriptor = NodeId;
  using edge_descriptor = Edge;
  using directed_category = boost::directed_tag;
  using edge_parallel_category = boost::allow_parallel_edge_tag;
  using traversal_category = Category;
  using vertex_iterator = boost::counting_iterator<NodeId>;
  using vertices_size_type = std::size_t;
  using out_edge_iterator = EdgeIterator;
  using edge_iterator = EdgeIterator;
  using edges_size_type = std::size_t;
  using degree_size_type = std::size_t;
  static NodeId null_vertex() { return kNoNode; }
};

inline NodeId source(GraphView::Edge e, const GraphView&) { return e.node; }
inline NodeId target(GraphView::Edge e, const GraphView& v) {
  return v.graph->node(e.node).inputs[e.operand];
}
inline std::size_t num_vertices(const GraphView& v) { return v.graph->size(); }
inline std::size_t out_degree(NodeId id, const GraphView& v) { return v.graph->node(id).inputs.size(); }
inline std::pair<GraphView::vertex_iterator, GraphView::vertex_iterator> vertices(const GraphView& v) {
  return {GraphView::vertex_iterator(0), GraphView::vertex_iterator(static_cast<NodeId>(v.graph->size()))};
}
inline std::pair<GraphView::EdgeIterator, GraphView::EdgeIterator> out_edges(NodeId id, const GraphView& v) {
  return {{*v.graph, {id, 0}}, {*v.graph, {id + 1, 0}}};
}
inline std::pair<GraphView::EdgeIterator, GraphView::EdgeIterator> edges(const GraphView& v) {
  return {{*v.graph, {0, 0}}, {*v.graph, {static_cast<NodeId>(v.graph->size()), 0}}};
}
inline std::size_t num_edges(const GraphView& v) {
  std::size_t n = 0;
  for (NodeId id = 0; id < v.graph->size(); ++id) n += out_degree(id, v);
  return n;
}
inline boost::typed_identity_property_map<NodeId> get(boost::vertex_index_t, const GraphView&) { return {}; }
inline NodeId get(boost::vertex_index_t, const GraphView&, NodeId id) { return id; }

/// Writes the graph in Graphviz's DOT language: each node with its op (or the input's name), shape and scope;
/// arrows point along the data flow.
void write_dot(std::ostream& out, const Graph& graph);

}  // namespace autodiff

namespace boost {
template <>
struct property_map<autodiff::GraphView, vertex_index_t> {
  using type = typed_identity_property_map<autodiff::NodeId>;
  using const_type = type;
};
}  // namespace boost
