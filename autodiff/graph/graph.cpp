#include "autodiff/graph/graph.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "autodiff/graph/op.hpp"

namespace autodiff {

namespace {

const OpDef& input_op() {
  static const OpDef def = [] {
    OpDef d;
    d.name = "input";
    d.doc = "A value provided at run time.";
    return d;
  }();
  return def;
}

const OpDef& constant_op() {
  static const OpDef def = [] {
    OpDef d;
    d.name = "constant";
    d.doc = "A value that is fixed at recording time.";
    return d;
  }();
  return def;
}

}  // namespace

Graph& Var::graph() const {
  if (!graph_)
    throw std::invalid_argument("[var] an empty Var has no graph and no shape; assign a recorded one first");
  return *graph_;
}

const Shape& Var::shape() const { return graph().node(id_).shape; }

// Every node is appended here.
Var Graph::append(Node node, Location at) {
  node.location = location_.value_or(at);
  node.scope = scope_;
  nodes_.push_back(std::move(node));
  return {this, static_cast<NodeId>(nodes_.size() - 1)};
}

Var Graph::record(const OpDef& op, std::span<const Var> inputs, Attributes attributes, Location at) {
  std::vector<Shape> shapes;
  Node node;
  for (Var v : inputs) {
    if (!v || &v.graph() != this)
      throw std::invalid_argument(
          fmt::format("[{}] an input is {}, {}", op.name, v ? "from another graph" : "empty", where(at)));
    shapes.push_back(v.shape());
    node.inputs.push_back(v.id());
  }
  try {
    if (op.attributes != attributes.type())
      throw std::invalid_argument(fmt::format("expected attributes: {}, found: {} (OpDef::attributes)",
                                              attributes_name(op.attributes),
                                              attributes_name(attributes.type())));
    node.shape = op.infer(shapes, attributes);
  } catch (const std::invalid_argument& e) {
    std::string list;
    for (const Shape& s : shapes) list += (list.empty() ? "" : " ") + s.to_string();
    throw std::invalid_argument(fmt::format("[{}] {}; shapes {}, {}", op.name, e.what(), list, where(at)));
  }
  node.op = &op;
  node.attributes = std::move(attributes);
  return append(std::move(node), at);
}

Var Graph::input(Shape shape, std::string name, Location at) {
  Node node;
  node.op = &input_op();
  node.shape = shape;
  const Var v = append(std::move(node), at);
  inputs_[v.id()] = std::move(name);
  return v;
}

Var Graph::constant(Shape shape, std::vector<double> values, Location at) {
  if (static_cast<Index>(values.size()) != shape.size())
    throw std::invalid_argument(fmt::format("[constant] shape {} needs {} values, found {}, {}",
                                            shape.to_string(), shape.size(), values.size(), where(at)));
  Node node;
  node.op = &constant_op();
  node.shape = shape;
  const Var v = append(std::move(node), at);
  constants_[v.id()] = std::move(values);
  return v;
}

const std::vector<double>& Graph::constant_values(NodeId id) const { return constants_.at(id); }
const std::string& Graph::input_name(NodeId id) const { return inputs_.at(id); }
bool Graph::is_input(NodeId id) const { return nodes_[id].op == &input_op(); }
bool Graph::is_constant(NodeId id) const { return nodes_[id].op == &constant_op(); }

std::string recorded_at(Location at, std::string_view scope) {
  return fmt::format("recorded at {}:{}{}{}", at.file, at.line, scope.empty() ? "" : " in scope ", scope);
}

Scope::Scope(Graph& graph, std::string_view name) : graph_(graph), before_(graph.scope_) {
  if (name.empty()) return;
  const std::string& outer = graph.scopes_[before_];
  std::string full = outer.empty() ? std::string(name) : fmt::format("{}/{}", outer, name);
  if (graph.scopes_.back() != full) graph.scopes_.push_back(std::move(full));
  graph.scope_ = static_cast<std::uint32_t>(graph.scopes_.size() - 1);
}

}  // namespace autodiff
