#include "bench/forward_graph.hpp"

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/conv.hpp"
#include "autodiff/ops/linear_algebra.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/transform/differentiate.hpp"
#include "metalearn/model/meta_objective.hpp"
#include "metalearn/rules/update_rule.hpp"

namespace bench {

using namespace autodiff;
using namespace metalearn;

namespace {

bool is_product(const Node& node) {
  return is(node, matmul_op()) || is(node, conv_op()) || is(node, spd_solve_op());
}

/// Products that `outputs` depend on. An op that is not a product counts as its spec's ops; the recursion is
/// as deep as specs nest.
double products(const Graph& graph, std::span<const Var> outputs) {
  std::vector<bool> needed(graph.size(), false);
  for (Var v : outputs) needed[v.id()] = true;
  double total = 0;
  for (auto id = static_cast<NodeId>(graph.size()); id-- > 0;) {
    if (!needed[id]) continue;
    const Node& node = graph.node(id);
    for (NodeId i : node.inputs) needed[i] = true;
    if (graph.is_input(id) || graph.is_constant(id)) continue;
    if (is_product(node)) {
      total += node.op->cost(node_shape(graph, id));
    } else if (node.op->spec) {
      Graph meaning;
      std::vector<Var> in;
      for (NodeId i : node.inputs) in.push_back(meaning.input(graph.node(i).shape, ""));
      const Var out = node.op->spec(in, node.attributes);
      total += products(meaning, std::span(&out, 1));
    }
  }
  return total;
}

std::vector<Var> record_inputs(Graph& graph, const TensorList& list) {
  std::vector<Var> vars;
  for (const TensorSpec& t : list.tensors)
    vars.push_back(graph.input(Shape(std::span<const Index>(t.shape)), t.name));
  return vars;
}

}  // namespace

ForwardGraph::ForwardGraph(const Preset& p) {
  const auto rule = make_update_rule(p.rule);
  const TensorList theta_list = rule->theta_spec(), phi_list = phi_spec(p.shape.widths);
  const auto theta = record_inputs(graph_, theta_list), phi = record_inputs(graph_, phi_list);
  adjoints_ = record_inputs(graph_, phi_list);
  const Var x = graph_.input(Shape{p.shape.widths.front(), p.shape.batch}, "x");
  const Var labelled = graph_.input(Shape{p.shape.widths.front(), 2 * p.shape.labelled()}, "labelled");
  const Var targets = graph_.input(Shape{2, p.shape.labelled(), p.shape.classes}, "targets");
  parameters_ = theta;
  parameters_.insert(parameters_.end(), phi.begin(), phi.end());

  Theta by_name;
  for (std::size_t i = 0; i < theta.size(); ++i) by_name[theta_list.tensors[i].name] = theta[i];
  Phi next;
  {
    const Scope scope(graph_, "step");
    next = rule->step(by_name, Phi::from_flat(phi), x, [](const std::string&, Var) {});
  }
  outputs_ = next.flat();
  outputs_.push_back(meta_objective(next, labelled, targets, p.rule.activation, p.rule.ridge).J);
  adjoints_.push_back(Var());  // of J: 1
}

double ForwardGraph::product_multiply_adds() const { return products(graph_, outputs_); }

void ForwardGraph::differentiate() { autodiff::differentiate(outputs_, adjoints_, parameters_); }

double useful_multiply_adds(const Preset& preset) { return 3 * ForwardGraph(preset).product_multiply_adds(); }

}  // namespace bench
