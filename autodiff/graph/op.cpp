#include "autodiff/graph/op.hpp"

#include <deque>
#include <mutex>
#include <stdexcept>

namespace autodiff {

namespace {
// A deque never moves its elements: nodes point at them.
std::deque<OpDef>& storage() {
  static std::deque<OpDef> ops;
  return ops;
}
// Two threads may register ops at the same time.
std::mutex& storage_mutex() {
  static std::mutex mutex;
  return mutex;
}
}  // namespace

NodeShape node_shape(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  NodeShape shape{{}, node.shape, &node.attributes};
  shape.in.reserve(node.inputs.size());
  for (NodeId i : node.inputs) shape.in.push_back(graph.node(i).shape);
  return shape;
}

std::optional<Index> view_of(const Graph& graph, NodeId id) {
  const OpDef& op = *graph.node(id).op;
  return op.view ? op.view(node_shape(graph, id)) : std::nullopt;
}

const OpDef& add_to_registry(OpDef op) {
  if (!op.infer) throw std::invalid_argument("[register_op] '" + op.name + "' has no shape rule (infer)");
  if (!op.spec && !(op.view || (op.kernel_f && op.kernel_d)))
    throw std::invalid_argument("[register_op] '" + op.name +
                                "' needs a spec or a kernel for float and double");
  if (!op.spec && !op.vjp && !op.zero_gradient)
    throw std::invalid_argument("[register_op] '" + op.name +
                                "' has no spec: it needs a vjp (or zero_gradient)");
  std::lock_guard lock(storage_mutex());
  for (const OpDef& other : storage())
    if (other.name == op.name)
      throw std::invalid_argument("[register_op] an op named '" + op.name +
                                  "' is already registered; choose another name");
  storage().push_back(std::move(op));
  return storage().back();
}

std::vector<const OpDef*> registered_ops() {
  std::lock_guard lock(storage_mutex());
  std::vector<const OpDef*> all;
  for (const OpDef& op : storage()) all.push_back(&op);
  return all;
}

const OpDef* find_op(const std::string& name) {
  std::lock_guard lock(storage_mutex());
  for (const OpDef& op : storage())
    if (op.name == name) return &op;
  return nullptr;
}

}  // namespace autodiff
