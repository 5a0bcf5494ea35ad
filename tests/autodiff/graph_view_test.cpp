#include "autodiff/graph/graph_view.hpp"

#include <doctest/doctest.h>

#include <boost/graph/graph_concepts.hpp>
#include <boost/graph/topological_sort.hpp>
#include <sstream>
#include <vector>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/matmul.hpp"

using namespace autodiff;

BOOST_CONCEPT_ASSERT((boost::VertexListGraphConcept<GraphView>));
BOOST_CONCEPT_ASSERT((boost::IncidenceGraphConcept<GraphView>));
BOOST_CONCEPT_ASSERT((boost::EdgeListGraphConcept<GraphView>));

namespace {
void record(Graph& g) {
  const Var x = g.input(Shape{2, 2}, "x");
  const Scope scope(g, "layer");
  const Var c = g.constant(Shape{2}, {1, 2});
  tanh(matmul(x, x) + c);
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}
}  // namespace

TEST_CASE("Boost sees every node and, from a node, each of its operands") {
  Graph g;
  record(g);
  const GraphView view(g);
  CHECK(num_vertices(view) == 5);
  CHECK(num_edges(view) == 5);
  const auto [first, last] = edges(view);
  CHECK(std::distance(first, last) == 5);
  for (NodeId id = 0; id < g.size(); ++id) {
    std::vector<NodeId> inputs;
    const auto [begin, end] = out_edges(id, view);
    for (auto e = begin; e != end; ++e) {
      CHECK(source(*e, view) == id);
      inputs.push_back(target(*e, view));
    }
    CHECK(inputs == g.node(id).inputs);
    CHECK(out_degree(id, view) == inputs.size());
  }
}

TEST_CASE("Boost's topological sort puts inputs before their users") {
  Graph g;
  record(g);
  std::vector<NodeId> order;
  const GraphView view(g);
  boost::topological_sort(view, std::back_inserter(order));
  REQUIRE(order.size() == g.size());
  std::vector<std::size_t> place(g.size());
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  for (NodeId id = 0; id < g.size(); ++id)
    for (NodeId i : g.node(id).inputs) CHECK(place[i] < place[id]);
}

TEST_CASE("DOT has every node with op, shape and scope, and every edge with its operand's number") {
  Graph g;
  record(g);
  std::ostringstream out;
  write_dot(out, g);
  const std::string dot = out.str();
  CHECK(dot.find("digraph") == 0);
  CHECK(count(dot, "->") == 5);
  CHECK(count(dot, "[label=\"") == 5);
  for (const char* part : {"0[label=\"input x\n[2, 2]\"]", "1[label=\"constant\n[2]\nlayer\"]",
                           "2[label=\"matmul\n[2, 2]\nlayer\"]", "4[label=\"tanh\n[2, 2]\nlayer\"]",
                           "2->0 [label=0]", "2->0 [label=1]", "4->3 [label=0]"}) {
    CAPTURE(part);
    CHECK(dot.find(part) != std::string::npos);
  }
}
