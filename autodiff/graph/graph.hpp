// Graph: a flat, append-only list of nodes in static single assignment. A node's inputs have smaller ids, so
// index order is a topological order.
//
// A graph knows shapes but no element type: the same graph compiles to float and to double. Not thread-safe
// while it is being recorded.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autodiff/graph/attributes.hpp"
#include "autodiff/graph/location.hpp"
#include "autodiff/graph/shape.hpp"

namespace autodiff {

struct OpDef;
class Graph;

using NodeId = std::uint32_t;
inline constexpr NodeId kNoNode = 0xffffffffu;

/// A handle to a node, cheap to copy. Arithmetic on Vars records nodes (ops/elementwise.hpp). An empty Var
/// has neither graph nor shape: graph() and shape() then throw std::invalid_argument.
class Var {
 public:
  Var() = default;
  Var(Graph* graph, NodeId id) : graph_(graph), id_(id) {}
  Graph& graph() const;
  NodeId id() const { return id_; }
  const Shape& shape() const;
  explicit operator bool() const { return graph_ != nullptr; }

 private:
  Graph* graph_ = nullptr;
  NodeId id_ = kNoNode;
};

/// "recorded at file:line in scope a/b"; without " in scope ..." if the scope is empty.
std::string recorded_at(Location at, std::string_view scope);

struct Node {
  const OpDef* op = nullptr;
  std::vector<NodeId> inputs;
  Attributes attributes;
  Shape shape;
  Location location;
  std::uint32_t scope = 0;  ///< index into Graph::scopes
};

/// Whether a node is of this op. A pass recognises nodes by the handles that ops/ gives out, such as
/// pad_op().
inline bool is(const Node& node, const OpDef& op) { return node.op == &op; }

class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// Appends a node; the op's shape rule gives its shape. Throws std::invalid_argument naming op, shapes,
  /// location and scope if the rule refuses the inputs or the attributes have another type than the op's.
  Var record(const OpDef& op, std::span<const Var> inputs, Attributes attributes, Location at);
  /// A value that the caller provides at run time.
  Var input(Shape shape, std::string name, Location at = here());
  /// A value that is fixed at recording time, in C order.
  Var constant(Shape shape, std::vector<double> values, Location at = here());
  Var scalar(double value, Location at = here()) { return constant(Shape{}, {value}, at); }

  std::size_t size() const { return nodes_.size(); }
  const Node& node(NodeId id) const { return nodes_[id]; }
  const Node& node(Var v) const { return nodes_[v.id()]; }
  const std::vector<double>& constant_values(NodeId id) const;
  const std::string& input_name(NodeId id) const;
  bool is_input(NodeId id) const;
  bool is_constant(NodeId id) const;

  /// Copies the scopes of another graph, so that scope indices of its nodes are valid here. REQUIRES an empty
  /// graph.
  void take_scopes(const Graph& other) { scopes_ = other.scopes_; }

  /// recorded_at() of the node being recorded, and of an existing node.
  std::string where(Location at) const { return recorded_at(location_.value_or(at), scopes_[scope_]); }
  std::string where(NodeId id) const { return recorded_at(nodes_[id].location, scopes_[nodes_[id].scope]); }
  std::uint32_t scope() const { return scope_; }  ///< of nodes recorded now
  const std::string& scope_name(std::uint32_t scope) const { return scopes_[scope]; }
  const std::vector<std::string>& scope_names() const { return scopes_; }

 private:
  friend class Scope;
  friend class Attribution;
  Var append(Node node, Location at);
  std::deque<Node> nodes_;  // never moves its elements: a reference to a shape outlives recording
  std::map<NodeId, std::vector<double>> constants_;
  std::map<NodeId, std::string> inputs_;
  std::vector<std::string> scopes_{""};
  std::uint32_t scope_ = 0;
  std::optional<Location> location_;  // set by an Attribution
};

/// Sets the scope of all nodes recorded during its lifetime: Scope s(graph, "compute_h"); scopes nest as a/b.
/// An empty name changes nothing.
class Scope {
 public:
  Scope(Graph& graph, std::string_view name);
  ~Scope() { graph_.scope_ = before_; }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  Graph& graph_;
  std::uint32_t before_;
};

/// Gives all nodes recorded during its lifetime the location and scope of another node, so that errors in
/// derived nodes report the user's line, not one of this library.
class Attribution {
 public:
  Attribution(Graph& graph, Location at, std::uint32_t scope)
      : graph_(graph), location_before_(graph.location_), scope_before_(graph.scope_) {
    graph.location_ = at;
    graph.scope_ = scope;
  }
  Attribution(Graph& graph, const Node& node) : Attribution(graph, node.location, node.scope) {}
  ~Attribution() {
    graph_.location_ = location_before_;
    graph_.scope_ = scope_before_;
  }
  Attribution(const Attribution&) = delete;
  Attribution& operator=(const Attribution&) = delete;

 private:
  Graph& graph_;
  std::optional<Location> location_before_;
  std::uint32_t scope_before_;
};

}  // namespace autodiff
