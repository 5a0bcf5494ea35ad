#include "autodiff/plan/placement.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/plan/plan.hpp"

using namespace autodiff;

namespace {

constexpr std::size_t kTables = 64;  // of a plan with few operands: beside the values

double number(std::size_t i) { return std::sin(static_cast<double>(i) + 1); }

// One output's values, after a run in a clean arena whose high-water mark is checked too, and which kernels
// ran.
struct Ran {
  std::vector<std::vector<double>> outputs;
  std::vector<std::string> kernels;
  std::size_t peak = 0;
  std::size_t count(const std::string& op) const {
    return static_cast<std::size_t>(std::count(kernels.begin(), kernels.end(), op));
  }
};

Ran run(const std::vector<Var>& inputs, const std::vector<Var>& outputs, bool in_place = true) {
  PlanOptions options;
  options.in_place = in_place;
  options.transform.fuse = false;  // each op has a kernel and a value of its own
  const Plan<double> plan(inputs, outputs, options);
  std::vector<std::vector<double>> values;
  for (Var v : inputs) {
    values.emplace_back(static_cast<std::size_t>(v.shape().size()));
    for (std::size_t i = 0; i < values.back().size(); ++i) values.back()[i] = number(i + 100 * values.size());
  }
  const auto given = values;
  Ran ran;
  for (Var v : outputs) ran.outputs.emplace_back(static_cast<std::size_t>(v.shape().size()));
  std::vector<const double*> in;
  std::vector<double*> out;
  for (auto& v : values) in.push_back(v.data());
  for (auto& v : ran.outputs) out.push_back(v.data());
  Arena arena;
  arena.reserve(plan.peak_bytes());
  std::memset(arena.data(), 0xa5, arena.bytes());
  for (const KernelTiming& t : plan.profile(in, out, arena, Parallel(1))) ran.kernels.push_back(t.op);
  CHECK(arena.high_water() == plan.peak_bytes());
  CHECK(values == given);
  ran.peak = plan.peak_bytes();
  return ran;
}

}  // namespace

TEST_CASE("a slice of a contiguous range is a view, any other slice is copied") {
  Graph g;
  const Var x = g.input(Shape{1, 6, 4}, "x"), y = exp(x);
  const auto one_of = [&](Var slice) { return run({x}, {tanh(slice)}).count("slice"); };
  CHECK(one_of(slice(y, 1, 2, 5)) == 0);
  CHECK(one_of(slice(slice(y, 1, 2, 5), 1, 1, 2)) == 0);
  CHECK(one_of(slice(x, 1, 2, 5)) == 0);
  CHECK(one_of(slice(y, 2, 1, 3)) == 1);
  const Ran r = run({x}, {tanh(slice(reshape(slice(y, 1, 2, 5), Shape{3, 4}), 0, 1, 2))});
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(r.outputs[0][i] == doctest::Approx(std::tanh(std::exp(number(100 + 12 + i)))));
}

TEST_CASE(
    "outputs may be views: of an input, of a value that is an output too, of a part of one that is none, of "
    "a constant") {
  Graph g;
  const Var x = g.input(Shape{6, 2}, "x"), y = exp(x), z = square(x), c = g.constant(Shape{3}, {5, 6, 7});
  const Ran r = run({x}, {slice(x, 0, 2, 4), y, slice(y, 0, 1, 3), slice(z, 0, 4, 6),
                          reshape(slice(y, 0, 0, 6), Shape{12}), slice(c, 0, 1, 3)});
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(r.outputs[0][i] == number(100 + 4 + i));
    CHECK(r.outputs[2][i] == r.outputs[1][2 + i]);
    CHECK(r.outputs[3][i] == doctest::Approx(number(100 + 8 + i) * number(100 + 8 + i)));
  }
  CHECK(r.outputs[4] == r.outputs[1]);
  CHECK(r.outputs[5] == std::vector<double>{6, 7});
}

TEST_CASE("a value with a view that is used later is not written over, neither is a view whose operand is") {
  Graph g;
  const Var x = g.input(Shape{8}, "x"), y = exp(x), half = slice(y, 0, 4, 8);
  const Var outputs = concat(std::vector{tanh(square(y)), tanh(half * 2.0)}, 0);
  CHECK(run({x}, {outputs}).outputs == run({x}, {outputs}, false).outputs);
  // The other way round: the view first, in place of which nothing may be written while the whole is needed.
  const Var z = exp(x), whole = reshape(z, Shape{2, 4}),
            late = tanh(square(reshape(whole, Shape{8}))) + sum_all(exp(whole * 2.0)) + z;
  const Ran r = run({x}, {late});
  CHECK(r.outputs == run({x}, {late}, false).outputs);
  // A kernel that reads its operand's first row again and again.
  const Var m = g.input(Shape{40, 30}, "m"), rows = exp(m), scaled = tanh(rows * slice(rows, 0, 0, 1));
  CHECK(run({m}, {scaled}).outputs == run({m}, {scaled}, false).outputs);
  // Two parts of one value as the operands of one kernel that could write over either.
  const Var sum = exp(slice(y, 0, 0, 4) + slice(y, 0, 4, 8)),
            again = reshape(y, Shape{2, 4}) * reshape(y, Shape{2, 4});
  CHECK(run({x}, {sum, again}).outputs == run({x}, {sum, again}, false).outputs);
}

TEST_CASE("a small result is not written over a part of a large value, which could not be freed then") {
  Graph g;
  const Var x = g.input(Shape{8000}, "x"), small = tanh(slice(exp(x), 0, 3, 5)),
            large = sum_all(exp(broadcast_to(small, Shape{4000, 2})));
  CHECK(run({x}, {large * sum_all(small)}).peak <= kTables + 8000 * 8 + 1024);
}

TEST_CASE("what only a concat of contiguous pieces uses is computed in its memory") {
  Graph g;
  const Var x = g.input(Shape{100, 8}, "x"), y = g.input(Shape{50, 8}, "y");
  const Var joined = concat(std::vector{exp(x), tanh(y), square(x)}, 0), result = sum_all(square(joined));
  const Ran r = run({x, y}, {result});
  CHECK(r.count("concat") == 0);
  CHECK(r.peak <= kTables + 250 * 8 * 8 + 4096);
}

TEST_CASE(
    "a concat copies what can't be computed in it: inputs, constants, parts of values, what is an output, "
    "what another concat holds, a repetition") {
  Graph g;
  const Var x = g.input(Shape{3, 2}, "x"), c = g.constant(Shape{1, 2}, {5, 6}), y = exp(x), z = square(x),
            w = tanh(x), v = sqrt(exp(x) + 1.0);
  const Var first = concat(std::vector{w, x}, 0),
            all = concat(std::vector{v, x, c, slice(y, 0, 1, 2), z, w, v}, 0);
  const Ran r = run({x}, {z, square(first), square(all)});
  CHECK(r.count("concat") == 2);
  std::vector<double> expected;
  const auto append = [&](std::size_t from, std::size_t to, auto f) {
    for (std::size_t i = from; i < to; ++i) expected.push_back(f(number(100 + i)));
  };
  const auto root = [](double a) { return std::sqrt(std::exp(a) + 1); };
  append(0, 6, root);
  append(0, 6, [](double a) { return a; });
  expected.insert(expected.end(), {5, 6});
  append(2, 4, [](double a) { return std::exp(a); });
  append(0, 6, [](double a) { return a * a; });
  append(0, 6, [](double a) { return std::tanh(a); });
  append(0, 6, root);
  REQUIRE(r.outputs[2].size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(r.outputs[2][i] == doctest::Approx(expected[i] * expected[i]).epsilon(1e-12));
}

TEST_CASE("concats within concats, and one that is an output, are computed where the outermost is") {
  Graph g;
  const Var x = g.input(Shape{4}, "x");
  const Var inner = concat(std::vector{exp(x), reshape(tanh(reshape(x, Shape{2, 2})), Shape{4})}, 0),
            outer = concat(std::vector{square(x), inner}, 0);
  const Ran r = run({x}, {outer});
  CHECK(r.kernels.size() == 3);
  CHECK(r.peak <= 2 * kTables);  // no value in the arena
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(r.outputs[0][i] == number(100 + i) * number(100 + i));
    CHECK(r.outputs[0][4 + i] == doctest::Approx(std::exp(number(100 + i))));
    CHECK(r.outputs[0][8 + i] == doctest::Approx(std::tanh(number(100 + i))));
  }
}

TEST_CASE(
    "a piece of a concat may be used elsewhere, before and after, and is written over by nobody while the "
    "concat is needed") {
  Graph g;
  const Var x = g.input(Shape{8}, "x"), a = exp(x), b = tanh(a * 2.0), joined = concat(std::vector{a, b}, 0);
  const Var uses = square(a) + square(b), late = square(joined), last = (a + 1.0) * (b + 1.0);
  const std::vector<Var> outputs{sum_all(uses),
                                 sum_all(late) + sum_all(last) + sum_all(exp(slice(joined, 0, 4, 12)))};
  CHECK(run({x}, outputs).outputs == run({x}, outputs, false).outputs);
}

// Random graphs of elementwise ops, views and joins: what they compute does not depend on who lives where.
// Each value is an output of one of the two plans compared.
TEST_CASE("any mixture of views, joins and writing in place computes the same") {
  std::mt19937 random(11);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  for (int trial = 0; trial < 300; ++trial) {
    Graph g;
    std::vector<Var> values{g.input(Shape{4, 3}, "x"), g.input(Shape{2, 3}, "y")};
    const std::vector<Var> inputs = values;
    for (std::size_t step = 0, steps = 4 + below(16); step < steps; ++step) {
      const Var v = values[values.size() - 1 - below(std::min<std::size_t>(values.size(), 6))],
                w = values[below(values.size())];
      const Index n = v.shape()[0];
      const auto begin = static_cast<Index>(below(static_cast<std::size_t>(n)));
      switch (below(7)) {
        case 0:
          values.push_back(tanh(v));
          break;
        case 1:
          values.push_back(v.shape() == w.shape() ? v * w : affine(v, 0.5, 1));
          break;
        case 2:
          values.push_back(
              slice(v, 0, begin, begin + 1 + static_cast<Index>(below(static_cast<std::size_t>(n - begin)))));
          break;
        case 3:
          if (v.shape()[0] + w.shape()[0] < 40) values.push_back(concat(std::vector{v, w}, 0));
          break;
        case 4:
          if (v.shape()[0] < 20) values.push_back(concat(std::vector{tanh(v), v, square(v)}, 0));
          break;
        case 5:
          values.push_back(v * slice(v, 0, begin, begin + 1));
          break;
        default:
          values.push_back(reshape(reshape(v, Shape{3, n}), v.shape()) + 0.25);
      }
    }
    // All as outputs: nothing shares memory, but for what is copied. Some as outputs: the rest is in the
    // arena.
    const Ran all = run(inputs, values, false);
    std::vector<Var> some{values.back()};
    std::vector<std::size_t> which{values.size() - 1};
    for (std::size_t i = 0; i + 1 < values.size(); ++i)
      if (below(5) == 0) {
        some.push_back(values[i]);
        which.push_back(i);
      }
    const Ran few = run(inputs, some);
    for (std::size_t i = 0; i < some.size(); ++i) CHECK(few.outputs[i] == all.outputs[which[i]]);
  }
}
