// Tile programs give the bits of the ops that they stand for, whatever the shapes and threads, and stand for
// what they should.
#include "autodiff/transform/tile_programs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/transform/differentiate.hpp"
#include "autodiff/transform/simplify.hpp"

using namespace autodiff;

namespace {

// Numbers of either sign, away from zero, the same in every run.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed * 2654435761 + 99) {}
  std::uint64_t next() { return (state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL) >> 33; }
  std::size_t below(std::size_t n) { return next() % n; }
  double number() {
    const double x = 0.2 + static_cast<double>(next() % 100000) / 100000;
    return below(2) ? x : -x;
  }

 private:
  std::uint64_t state_;
};

struct Recording {
  Graph graph;
  std::vector<Var> inputs, outputs;
  Var input(Shape shape) {
    inputs.push_back(graph.input(shape, "x" + std::to_string(inputs.size())));
    return inputs.back();
  }
};

int count(const Graph& g, std::span<const Var> outputs, const std::string& op) {
  const auto needed = ancestors(outputs);
  int n = 0;
  for (NodeId id = 0; id < g.size(); ++id) n += needed[id] && g.node(id).op->name == op;
  return n;
}
int computing(const Graph& g, std::span<const Var> outputs) {
  const auto needed = ancestors(outputs);
  int n = 0;
  for (NodeId id = 0; id < g.size(); ++id)
    n += needed[id] && !g.is_input(id) && !g.is_constant(id) && g.node(id).op->name != "reshape";
  return n;
}

template <class T>
std::vector<std::vector<T>> run(std::span<const Var> inputs, std::span<const Var> outputs, int threads) {
  Numbers numbers(7);
  std::vector<std::vector<T>> in, out;
  for (Var v : inputs) {
    in.emplace_back();
    for (Index i = 0; i < v.shape().size(); ++i) in.back().push_back(static_cast<T>(numbers.number()));
  }
  for (Var v : outputs) out.emplace_back(static_cast<std::size_t>(v.shape().size()));
  std::vector<const T*> from;
  std::vector<T*> to;
  for (const auto& v : in) from.push_back(v.data());
  for (auto& v : out) to.push_back(v.data());
  Arena arena;
  const Plan<T> plan(inputs, outputs, {.spread_above = 0, .transform = {.fuse = false}});
  plan.run(from, to, arena, Parallel(threads));
  CHECK(arena.high_water() == plan.peak_bytes());
  return out;
}

template <class T>
bool same(const std::vector<std::vector<T>>& a, const std::vector<std::vector<T>>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t k = 0; k < a[i].size(); ++k)
      if (std::memcmp(&a[i][k], &b[i][k], sizeof(T)) != 0 && !(std::isnan(a[i][k]) && std::isnan(b[i][k])))
        return false;
  return true;
}

struct Fused {
  Graph simple, graph;
  Rewritten plain, tiled;
  Fused(const Recording& r, std::size_t forward_outputs = 0)
      : plain(simplify(r.inputs, r.outputs, simple)),
        tiled(tile_programs(plain.inputs, plain.outputs, graph, forward_outputs)) {}
};

void check_same(const Recording& r, std::size_t forward_outputs = 0, bool threads = true) {
  const Fused f(r, forward_outputs);
  const auto check = [&]<class T>(T) {
    const auto want = run<T>(f.plain.inputs, f.plain.outputs, 1);
    CHECK(same(want, run<T>(f.tiled.inputs, f.tiled.outputs, 1)));
    if (threads)
      for (int n : {2, 4}) CHECK(same(want, run<T>(f.tiled.inputs, f.tiled.outputs, n)));
  };
  check(float());
  check(double());
}

const std::vector<std::pair<Index, Index>> kMatrices = {{1, 1},    {1, 17},    {2, 3},     {3, 2},   {17, 1},
                                                        {17, 17},  {3, 9},     {17, 8},    {40, 12}, {2, 700},
                                                        {33, 200}, {700, 100}, {3, 40000}, {9000, 4}};

// Patterns over a matrix [rows, cols]: x and y full, row, column and scalar.
struct Operands {
  Var x, y, row, column, scalar;
};
using Pattern = std::function<std::vector<Var>(const Operands&)>;

const std::vector<std::pair<std::string, Pattern>>& patterns() {
  static const std::vector<std::pair<std::string, Pattern>> all = {
      {"chain",
       [](const Operands& o) { return std::vector{relu(o.x * o.row + o.column) * o.scalar - sigmoid(o.y)}; }},
      {"every function",
       [](const Operands& o) {
         const Var p = square(o.x) + 0.5;
         return std::vector{log(p) + rsqrt(p) + sqrt(p) + reciprocal(p) + exp(-p) + abs(o.y) + sign(o.y) +
                            step(o.y) + leaky_relu(o.y, 0.2) + elu(o.y) + tanh(o.y) + softplus(o.y) +
                            gate(o.x, o.y) / p};
       }},
      {"a term and its column scale",
       [](const Operands& o) { return std::vector{o.x * (rsqrt(mean(square(o.x), {0}) + 1.0) * o.row)}; }},
      {"normalisation along the last axis",
       [](const Operands& o) { return std::vector{o.x * rsqrt(mean(square(o.x), {1}) + 1e-6)}; }},
      {"standardisation",
       [](const Operands& o) {
         const Var c = o.x - mean(o.x, {1});
         return std::vector{c * rsqrt(mean(square(c), {1}) + 1e-6)};
       }},
      {"mean of squares", [](const Operands& o) { return std::vector{rsqrt(mean_all(square(o.x)) + 1e-8)}; }},
      {"sum of products with a row",
       [](const Operands& o) { return std::vector{sum_all(o.x * o.y * o.row)}; }},
      {"row and column make a matrix",
       [](const Operands& o) {
         return std::vector{sum(broadcast_to(exp(o.row), o.x.shape()) * 2.0 - o.column, {0}),
                            broadcast_to(neg(o.column * 0.5), o.x.shape())};
       }},
      {"sums of sums",
       [](const Operands& o) {
         return std::vector{sum(sum(square(o.x), {1}) * o.column, {0}),
                            sum(sum(square(o.x), {0}) * o.row, {1})};
       }},
      {"two users",
       [](const Operands& o) {
         const Var d = o.x * 0.5, s = square(o.row) + 1.0;
         return std::vector{sum(d * s, {0}), sum(exp(d) / s, {1})};
       }},
      {"through another shape",
       [](const Operands& o) {
         const Index n = o.x.shape().size();
         return std::vector{reshape(exp(reshape(o.x * o.row, Shape{n})) * o.scalar, Shape{n, 1})};
       }},
      {"a long sum of products",
       [](const Operands& o) {
         Var s = o.x;
         for (int i = 1; i < 60; ++i) s = s + (o.y * (1.0 + i)) * (o.row * o.row);
         return std::vector{s};
       }},
      {"many at a time",
       [](const Operands& o) {
         std::vector<Var> parts;
         for (int i = 0; i < 20; ++i) parts.push_back(sigmoid(o.x * (0.1 * i)));
         Var s = parts[0];
         for (int i = 19; i > 0; --i) s = s * parts[static_cast<std::size_t>(i)];
         return std::vector{s};
       }},
  };
  return all;
}

void record(Recording& r, const Pattern& pattern, Index rows, Index cols) {
  const Operands o{r.input(Shape{rows, cols}), r.input(Shape{rows, cols}), r.input(Shape{cols}),
                   r.input(Shape{rows, 1}), r.input(Shape{})};
  r.outputs = pattern(o);
}

}  // namespace

TEST_CASE("every pattern has the bits of its ops, on odd shapes and any number of threads") {
  for (const auto& [name, pattern] : patterns())
    for (const auto& [rows, cols] : kMatrices) {
      CAPTURE(name);
      CAPTURE(rows);
      CAPTURE(cols);
      Recording r;
      record(r, pattern, rows, cols);
      check_same(r);
    }
}

TEST_CASE("every pattern's reverse has the bits of its ops, the halves fused apart") {
  for (const auto& [name, pattern] : patterns())
    for (const auto& [rows, cols] : {std::pair<Index, Index>{1, 3}, {17, 2}, {5, 17}, {300, 130}}) {
      CAPTURE(name);
      Recording r;
      record(r, pattern, rows, cols);
      const std::size_t forward = r.outputs.size();
      for (Var g : differentiate(std::vector<Var>(r.outputs), std::vector<Var>(forward), r.inputs))
        r.outputs.push_back(g);
      check_same(r, forward, rows == 300);
      check_same(r, 0, false);
    }
}

TEST_CASE("graphs at random have the bits of their ops") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Numbers numbers(seed);
    const Index sizes[] = {1, 2, 3, 8, 9, 17, 32};
    const Index N = sizes[numbers.below(7)], R = sizes[numbers.below(7)], C = sizes[numbers.below(7)];
    const Shape shapes[] = {{N, R, C}, {N, R, C}, {C},       {N, R, 1},  {N, 1, 1},
                            {1, R, C}, {},        {N, 1, C}, {N * R, C}, {N, R * C}};
    Recording r;
    std::vector<Var> pool;
    for (const Shape& s : shapes) pool.push_back(r.input(s));
    const auto pick = [&] {
      return pool[numbers.below(2) ? numbers.below(pool.size())
                                   : pool.size() - 1 - numbers.below(std::min<std::size_t>(4, pool.size()))];
    };
    for (int i = 0; i < 40; ++i) {
      const Var x = pick(), y = pick();
      const auto fits = [&] {
        Graph g;
        const Var in[] = {g.input(x.shape(), "x"), g.input(y.shape(), "y")};
        try {
          return (in[0] + in[1]).shape().size() <= 40000;
        } catch (const std::invalid_argument&) {
          return false;
        }
      };
      switch (numbers.below(12)) {
        case 0:
        case 1:
        case 2:
          if (fits()) pool.push_back(x * y);
          break;
        case 3:
        case 4:
          if (fits()) pool.push_back(x - y * 0.25);
          break;
        case 5:
          if (fits()) pool.push_back(gate(x, y));
          break;
        case 6:
          pool.push_back(affine(x, 0.5, 0.125));
          break;
        case 7:
          pool.push_back(tanh(x));
          break;
        case 8:
          pool.push_back(relu(-x));
          break;
        case 9:
        case 10: {
          if (x.shape().rank() == 0) break;
          const int begin = static_cast<int>(numbers.below(static_cast<std::size_t>(x.shape().rank()))),
                    end = begin + 1 +
                          static_cast<int>(numbers.below(static_cast<std::size_t>(x.shape().rank() - begin)));
          pool.push_back(tanh(sum_range(x, begin, end)));
          break;
        }
        default:
          pool.push_back(x.shape().size() == N * R * C
                             ? reshape(x, numbers.below(2) ? Shape{N * R, C} : Shape{N, R, C})
                             : reshape(x, Shape{x.shape().size()}));
      }
    }
    for (int i = 0; i < 4; ++i) r.outputs.push_back(pick());
    check_same(r, numbers.below(3), seed % 20 == 0);
  }
}

TEST_CASE("a chain is one program, a term's column scale another") {
  for (const auto& [name, programs, others] : {std::tuple<std::string, int, int>{"chain", 1, 0},
                                               {"every function", 1, 0},
                                               {"a term and its column scale", 2, 0},
                                               {"normalisation along the last axis", 1, 0},
                                               {"standardisation", 1, 0},
                                               {"mean of squares", 1, 0},
                                               {"sum of products with a row", 1, 0},
                                               {"sums of sums", 4, 0},
                                               {"two users", 2, 0},
                                               {"through another shape", 1, 0}})
    for (const auto& [n, pattern] : patterns()) {
      if (n != name) continue;
      CAPTURE(name);
      Recording r;
      record(r, pattern, 17, 12);
      const Fused f(r);
      CHECK(count(f.graph, f.tiled.outputs, "tile_program") == programs);
      CHECK(computing(f.graph, f.tiled.outputs) == programs + others);
    }
}

TEST_CASE("forward and reverse share no program") {
  Recording r;
  const Var x = r.input(Shape{17, 3}), y = r.input(Shape{17, 3});
  const Var a = square(x) * y, b = exp(a) + 1.0;
  r.outputs = {b, tanh(a) * sigmoid(a)};
  const Fused apart(r, 1), together(r, 2), unknown(r);
  for (const Fused* f : {&together, &unknown})
    CHECK(computing(f->graph, f->tiled.outputs) == 3);  // a is computed once: it is not cheap to compute
  CHECK(computing(apart.graph, apart.tiled.outputs) == 3);
  const Var forward[] = {apart.tiled.outputs[0]};
  CHECK(computing(apart.graph, forward) == 2);  // a stays to be read
}

TEST_CASE("what is computed in place of an operand that is read no more takes no memory of its own") {
  Recording r;
  const Var x = r.input(Shape{100, 100}), y = r.input(Shape{100, 100});
  Var v = transpose(x);  // in the arena
  for (int i = 0; i < 3; ++i) v = transpose(relu(v * y) + 1.0);
  r.outputs = {v};
  const Fused f(r);
  CHECK(count(f.graph, f.tiled.outputs, "tile_program") == 3);
  const PlanOptions as_it_is{.transform = {.fuse = false}};
  CHECK(Plan<float>(f.tiled.inputs, f.tiled.outputs, as_it_is).peak_bytes() <=
        Plan<float>(f.plain.inputs, f.plain.outputs, as_it_is).peak_bytes());
}

TEST_CASE("an unused input stays among the inputs, and more forward outputs than outputs are refused") {
  Recording r;
  const Var x = r.input(Shape{2}), unused = r.input(Shape{3});
  r.outputs = {exp(x) * 2.0};
  const Fused f(r);
  CHECK(f.tiled.inputs.size() == 2);
  CHECK(f.tiled.inputs[1].shape() == unused.shape());
  Graph target;
  CHECK_THROWS_WITH_AS(
      tile_programs(r.inputs, r.outputs, target, 2),
      "[tile programs] expected at least one output and at most as many forward ones, found 1 and 2",
      std::invalid_argument);
}

TEST_CASE("a program's node keeps the place of the last node that it stands for") {
  Recording r;
  const Var x = r.input(Shape{2, 3});
  const Scope scope(r.graph, "somewhere");
  r.outputs = {exp(x) * 2.0};
  const int line = __LINE__ - 1;
  const Fused f(r);
  CHECK(f.graph.where(f.tiled.outputs[0].id())
            .find("tile_programs_test.cpp:" + std::to_string(line) + " in scope somewhere") !=
        std::string::npos);
}

TEST_CASE_TEMPLATE("kernels over rows agree with their formulas on every level", T, float, double) {
  using kernels::Binary;
  using kernels::BroadcastKind;
  Numbers numbers(3);
  const auto many = [&](Index n) {
    std::vector<T> v;
    for (Index i = 0; i < n; ++i) v.push_back(static_cast<T>(numbers.number()));
    return v;
  };
  const BroadcastKind kinds[] = {BroadcastKind::scalar, BroadcastKind::row, BroadcastKind::column,
                                 BroadcastKind::full};
  const auto at = [](BroadcastKind w, Index r, Index c, Index cols) {
    return static_cast<std::size_t>(w == BroadcastKind::full     ? r * cols + c
                                    : w == BroadcastKind::row    ? c
                                    : w == BroadcastKind::column ? r
                                                                 : 0);
  };
  for (const char* isa : {"scalar", "v2", "v3", "v4"}) {
    const auto* k = kernels::table<T>(isa);
    if (!k) continue;
    CAPTURE(isa);
    for (const Index rows : {1, 2, 3, 16, 17, 33, 150})
      for (const Index cols : {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 33, 48, 69, 260}) {
        CAPTURE(rows);
        CAPTURE(cols);
        const auto x = many(rows * cols + 1), y = many(rows * cols + 1);
        for (BroadcastKind xw : kinds) {
          std::vector<T> out(static_cast<std::size_t>(rows * cols + 1), T(5)), want = out;
          for (Index r = 0; r < rows; ++r)
            for (Index c = 0; c < cols; ++c)
              want[at(BroadcastKind::full, r, c, cols)] = x[at(xw, r, c, cols)];
          k->stretch(rows, cols, x.data(), xw, out.data());
          REQUIRE(out == want);
          for (BroadcastKind yw : kinds) {
            for (Index r = 0; r < rows; ++r)
              for (Index c = 0; c < cols; ++c)
                want[at(BroadcastKind::full, r, c, cols)] = x[at(xw, r, c, cols)] - y[at(yw, r, c, cols)];
            k->binary_rows(Binary::sub, rows, cols, x.data(), xw, y.data(), yw, out.data());
            REQUIRE(out == want);
            if (yw == BroadcastKind::full) {  // over an operand
              out = y;
              want.back() = y.back();
              k->binary_rows(Binary::sub, rows, cols, x.data(), xw, out.data(), yw, out.data());
              REQUIRE(out == want);
            }
            out.back() = want.back() = 5;
          }
        }
        std::vector<T> sums(static_cast<std::size_t>(rows) + 1, T(5)), want = sums;
        for (Index r = 0; r < rows; ++r)
          want[static_cast<std::size_t>(r)] = k->sum(cols, x.data() + r * cols);
        const std::vector<T> exact(x.begin(), x.end() - 1);  // nothing beyond the last row may be read
        k->sum_each_row(rows, cols, exact.data(), sums.data());
        REQUIRE(sums == want);
        T lanes[kernels::kLanes] = {};
        for (Index r = 0; r < rows; ++r) k->sum_lanes(cols, x.data() + r * cols, r * cols, lanes);
        for (Index half = kernels::kLanes / 2; half > 0; half /= 2)
          for (Index l = 0; l < half; ++l) lanes[l] += lanes[l + half];
        REQUIRE(lanes[0] == k->sum(rows * cols, x.data()));
      }
  }
}
