#include "autodiff/graph/graph_view.hpp"

#include <boost/graph/graphviz.hpp>
#include <ostream>
#include <string>

#include "autodiff/graph/op.hpp"

namespace autodiff {

void write_dot(std::ostream& out, const Graph& graph) {
  const auto label = [&](std::ostream& o, NodeId id) {
    const Node& n = graph.node(id);
    std::string text = graph.is_input(id) ? "input " + graph.input_name(id) : n.op->name;
    text += "\n" + n.shape.to_string();
    if (const std::string scope = graph.scope_name(n.scope); !scope.empty()) text += "\n" + scope;
    o << "[label=" << boost::escape_dot_string(text) << "]";
  };
  // An edge leads from a node to its input; dir=back draws the arrows along the data flow.
  const auto operand = [](std::ostream& o, GraphView::Edge e) { o << "[label=" << e.operand << "]"; };
  const auto whole = [](std::ostream& o) { o << "rankdir=BT;\nnode [shape=box];\nedge [dir=back];\n"; };
  boost::write_graphviz(out, GraphView(graph), label, operand, whole);
}

}  // namespace autodiff
