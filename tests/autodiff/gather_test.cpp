#include "autodiff/ops/gather.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "value.hpp"

using namespace autodiff;
using autodiff_test::value;

TEST_CASE("a row number that names no row gathers NaN and scatters nothing") {
  Graph graph;
  const Var x = graph.constant(Shape{2, 1}, {5, 7}),
            rows = graph.constant(Shape{4}, {1, 2, -1, std::nan("")});
  const auto picked = value(gather(x, rows));
  CHECK(picked[0] == 7);
  for (std::size_t i : {1u, 2u, 3u}) CHECK(std::isnan(picked[i]));
  CHECK(value(scatter_add(graph.constant(Shape{4, 1}, {1, 2, 3, 4}), rows, 2)) == std::vector<double>{0, 1});
  CHECK(value(one_hot(graph.constant(Shape{2}, {2, 0}), 3)) == std::vector<double>{0, 0, 1, 1, 0, 0});
}
