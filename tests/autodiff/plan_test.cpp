#include "autodiff/plan/plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/transform/differentiate.hpp"

using namespace autodiff;

TEST_CASE("one graph compiles to float and to double, and replays on new numbers") {
  Graph g;
  const Var x = g.input(Shape{2, 2}, "x"), y = matmul(x, x) + 1.0;
  const Plan<float> f(std::span(&x, 1), std::span(&y, 1));
  const Plan<double> d(std::span(&x, 1), std::span(&y, 1));
  Arena arena;
  for (double scale : {1.0, 2.0}) {
    const std::vector<float> xf{static_cast<float>(scale), 0, 0, 1};
    const std::vector<double> xd{scale, 0, 0, 1};
    std::vector<float> yf(4);
    std::vector<double> yd(4);
    const float* pf = xf.data();
    const double* pd = xd.data();
    float* of = yf.data();
    double* od = yd.data();
    f.run(std::span(&pf, 1), std::span(&of, 1), arena, Parallel(1));
    d.run(std::span(&pd, 1), std::span(&od, 1), arena, Parallel(1));
    CHECK(yd == std::vector<double>{scale * scale + 1, 1, 1, 2});
    for (std::size_t i = 0; i < 4; ++i) CHECK(yf[i] == static_cast<float>(yd[i]));
  }
}

TEST_CASE("an output may be an input, a constant, an alias or wanted twice") {
  Graph g;
  const Var x = g.input(Shape{2, 2}, "x"), c = g.constant(Shape{2}, {5, 6}), y = exp(x);
  const Var outputs[] = {x, c, y, y, reshape(y, Shape{4}), reshape(x, Shape{4})};
  const Plan<double> plan(std::span(&x, 1), outputs);
  const std::vector<double> values{0, 1, 2, 3};
  const double* in = values.data();
  std::vector<std::vector<double>> results{std::vector<double>(4), std::vector<double>(2),
                                           std::vector<double>(4), std::vector<double>(4),
                                           std::vector<double>(4), std::vector<double>(4)};
  std::vector<double*> out;
  for (auto& r : results) out.push_back(r.data());
  Arena arena;
  plan.run(std::span(&in, 1), out, arena, Parallel(1));
  CHECK(results[0] == values);
  CHECK(results[1] == std::vector<double>{5, 6});
  CHECK(results[2][3] == std::exp(3.0));
  CHECK(results[3] == results[2]);
  CHECK(results[4] == results[2]);
  CHECK(results[5] == values);
}

TEST_CASE(
    "the planned peak is exactly what a run touches, and a chain needs little more than its two largest "
    "values") {
  Graph g;
  const Var x = g.input(Shape{1000}, "x");
  Var y = x;
  for (int i = 0; i < 20; ++i) y = sum_to(broadcast_to(tanh(y), Shape{4, 1000}) * 0.5, Shape{1000});
  const Plan<float> plan(std::span(&x, 1), std::span(&y, 1));
  const std::vector<float> values(1000, 0.5f);
  std::vector<float> result(1000);
  const float* in = values.data();
  float* out = result.data();
  Arena arena;
  plan.run(std::span(&in, 1), std::span(&out, 1), arena, Parallel(1));
  CHECK(arena.high_water() == plan.peak_bytes());
  CHECK(plan.peak_bytes() < 3 * 16000);
}

TEST_CASE("a run writes up to the planned peak and not a byte beyond it") {
  Graph g;
  const Var x = g.input(Shape{40, 30}, "x"), w = g.input(Shape{30, 50}, "w");
  const Var y = softplus(matmul(x, w) + 1.0), z = mean(square(y - mean(y, {0})), {1});
  const Var in_vars[] = {x, w};
  const auto out_vars = gradient(sum_all(exp(z)), in_vars);
  const Plan<double> plan(in_vars, out_vars);
  std::vector<double> xs(1200), ws(1500), dx(1200), dw(1500);
  for (std::size_t i = 0; i < 1200; ++i) xs[i] = std::sin(static_cast<double>(i));
  for (std::size_t i = 0; i < 1500; ++i) ws[i] = std::cos(static_cast<double>(i));
  const double* in[] = {xs.data(), ws.data()};
  double* out[] = {dx.data(), dw.data()};
  constexpr std::size_t kGuard = 1 << 16;
  constexpr unsigned char kPattern = 0xa5;
  Arena arena;
  arena.reserve(plan.peak_bytes() + kGuard);
  std::memset(arena.data(), kPattern, arena.bytes());
  plan.run(in, out, arena, Parallel(2));
  std::size_t written = arena.bytes();
  while (written > 0 && arena.data()[written - 1] == std::byte{kPattern}) --written;
  CHECK(written <= plan.peak_bytes());
  CHECK(written + 64 > plan.peak_bytes());  // but for the rounding of the last buffer
}

TEST_CASE("nodes that simplification left without a use are not computed") {
  Graph g;
  const Var x = g.input(Shape{100, 100}, "x"), z = g.input(Shape{100, 100}, "z");
  const Var parts[] = {exp(x), exp(z)};
  const Var inputs[] = {x, z}, of_concat = exp(slice(concat(parts, 1), 1, 0, 100)),
            of_zeros = exp(x + broadcast_to(g.scalar(0), Shape{100, 100}));
  CHECK(Plan<float>(inputs, std::span(&of_concat, 1)).cost() == 20000);
  CHECK(Plan<float>(inputs, std::span(&of_zeros, 1)).cost() == 10000);
  CHECK(Plan<float>(inputs, std::span(&of_zeros, 1)).peak_bytes() == 64);  // the operands' table
}

TEST_CASE("a plan's cost is the multiply-adds of its steps") {
  Graph g;
  const Var in[] = {g.input(Shape{3, 5}, "a"), g.input(Shape{5, 7}, "b")}, y = tanh(matmul(in[0], in[1]));
  CHECK(Plan<float>(in, std::span(&y, 1)).cost() == 3 * 5 * 7 + 3 * 7);
}

TEST_CASE("the first op that makes a number non-finite is named with its place") {
  Graph g;
  const Var x = g.input(Shape{3}, "x");
  const Scope scope(g, "inner");
  const Var y = square(log(x)) + 1.0;
  const int line = __LINE__ - 1;
  PlanOptions options;
  options.transform.fuse = false;  // a fused op is named as such
  const Plan<float> plan(std::span(&x, 1), std::span(&y, 1), options);
  std::vector<float> values{1, 2, 3}, result(3);
  const float* in = values.data();
  float* out = result.data();
  Arena arena;
  CHECK(!plan.first_non_finite(std::span(&in, 1), std::span(&out, 1), arena, Parallel(1)));
  values[1] = -1;
  const auto found = plan.first_non_finite(std::span(&in, 1), std::span(&out, 1), arena, Parallel(1));
  REQUIRE(found);
  CHECK(found->find("log, recorded at") == 0);
  CHECK(found->find(":" + std::to_string(line) + " in scope inner") != std::string::npos);
  values[2] = std::numeric_limits<float>::infinity();
  const auto input = plan.first_non_finite(std::span(&in, 1), std::span(&out, 1), arena, Parallel(1));
  REQUIRE(input);
  CHECK(input->find("input 'x' is already not finite") == 0);
}

TEST_CASE("a wrong number of bindings is refused") {
  Graph g;
  const Var x = g.input(Shape{1}, "x"), y = exp(x);
  const Plan<float> plan(std::span(&x, 1), std::span(&y, 1));
  Arena arena;
  CHECK_THROWS_AS(plan.run({}, {}, arena, Parallel(1)), std::invalid_argument);
}

TEST_CASE("a kernel with little work stays in one thread, one with much is spread, with the same bits") {
  Graph g;
  const Var x = g.input(Shape{1000000}, "x"), y = g.input(Shape{70000}, "y");
  const Var in[] = {x, y}, small = tanh(y), large = tanh(x);
  std::vector<float> xs(1000000, 0.3f), ys(70000, 0.4f), one(1000000), two(1000000);
  const float* bound[] = {xs.data(), ys.data()};
  const auto spread = [&](Var v, std::vector<float>& result, int threads) {
    Arena arena;
    const Parallel parallel(threads);
    float* out = result.data();
    Plan<float>(in, std::span(&v, 1)).run(bound, std::span(&out, 1), arena, parallel);
    return parallel.spread();
  };
  CHECK(spread(small, two, 2) == 0);
  CHECK(spread(large, two, 2) == 1);
  CHECK(spread(large, one, 1) == 0);
  CHECK(one == two);
}

TEST_CASE("halves keep what the rest reads out of the outputs and out of what is written over") {
  const auto check = [](Graph& g, const std::vector<Var>& outputs, std::size_t forward_outputs,
                        const std::vector<Var>& inputs) {
    for (bool fuse : {false, true}) {
      PlanOptions options;
      options.transform = {fuse, forward_outputs, 0};
      const Plan<float> plan(inputs, outputs, options);
      options.halves = true;
      const Plan<float> in_halves(inputs, outputs, options);
      std::vector<std::vector<float>> values, whole, halves;
      std::vector<const float*> in;
      std::vector<float*> out, first, second;
      for (Var v : inputs) {
        values.emplace_back(static_cast<std::size_t>(v.shape().size()));
        for (std::size_t i = 0; i < values.back().size(); ++i)
          values.back()[i] = 0.1f * static_cast<float>(i + values.size());
      }
      for (auto& v : values) in.push_back(v.data());
      for (Var o : outputs) whole.emplace_back(static_cast<std::size_t>(o.shape().size()));
      halves = whole;
      std::vector<std::vector<float>> unused = whole;
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        out.push_back(whole[i].data());
        first.push_back(
            i < forward_outputs
                ? halves[i].data()
                : unused[i].data());  // the caller has other memory for the outputs of the other half
        second.push_back(i < forward_outputs ? unused[i].data() : halves[i].data());
      }
      Arena arena;
      std::vector<float> tape(in_halves.tape_numbers());
      plan.run(in, out, arena, Parallel(1));
      in_halves.run_forward(in, first, arena, Parallel(1), tape);
      std::fill(arena.data(), arena.data() + arena.bytes(), std::byte{0x7f});
      for (auto& u : unused) std::fill(u.begin(), u.end(), 1e30f);
      in_halves.run_reverse(in, second, arena, Parallel(1), tape);
      CHECK(halves == whole);
    }
    return g.size();
  };
  {  // a part of a value that the last step may write over
    Graph g;
    const Var x = g.input(Shape{8}, "x"), adjoint = g.input(Shape{8}, "adjoint"), v = x * 2.0 + 1.0,
              e = exp(v);
    check(g, {slice(v, 0, 0, 3), e, e * adjoint}, 2, {x, adjoint});
  }
  {  // a part of an output
    Graph g;
    const Var x = g.input(Shape{8, 4}, "x"), adjoint = g.input(Shape{8, 4}, "adjoint"), a = exp(x),
              b = exp(x * 2.0);
    const Var parts[] = {a, b};
    check(g, {concat(parts, 0), a * adjoint}, 1, {x, adjoint});
  }
  {  // an output of both halves, and a forward value that only the rest gives
    Graph g;
    const Var x = g.input(Shape{8, 4}, "x"), adjoint = g.input(Shape{8, 4}, "adjoint"), a = exp(x),
              b = matmul(x, g.constant(Shape{4, 4}, std::vector<double>(16, 0.25)));
    check(g, {a, sum_all(b), a, b, a * adjoint, x}, 2, {x, adjoint});
  }
}

TEST_CASE(
    "the two halves of a plan give the bits of the whole, whatever happens to the arena and the outputs in "
    "between") {
  Graph g;
  const Var a = g.input(Shape{6, 6}, "a"), x = g.input(Shape{6, 6}, "x"),
            adjoint = g.input(Shape{6, 6}, "adjoint");
  const Var h = exp(matmul(a, x) * 0.1), y = matmul(h, a) / (h + 2.0), copied = reshape(y, Shape{36}),
            J = sum_all(h * y);
  const Var forward[] = {y, J, copied, x}, seeds[] = {adjoint, Var(), Var(), Var()}, wrt[] = {a, x};
  std::vector<Var> outputs(std::begin(forward), std::end(forward));
  for (Var d : differentiate(forward, seeds, wrt)) outputs.push_back(d);
  outputs.push_back(h);  // the reverse may give a value of the forward pass
  const Var inputs[] = {a, x, adjoint};
  for (bool fuse : {false, true})
    for (double price : {0.0, 1.0 / 16, 100.0}) {
      PlanOptions options;
      options.transform = {fuse, 4, price};
      const Plan<float> plan(inputs, outputs, options);
      options.halves = true;
      const Plan<float> in_halves(inputs, outputs, options);
      std::vector<std::vector<float>> values(3, std::vector<float>(36));
      for (std::size_t i = 0; i < 108; ++i)
        values[i / 36][i % 36] = 0.01f * static_cast<float>((i * 37) % 101) - 0.5f;
      std::vector<const float*> in;
      for (const auto& v : values) in.push_back(v.data());
      const auto run = [&](const auto& how) {
        std::vector<std::vector<float>> results;
        for (Var o : outputs) results.emplace_back(static_cast<std::size_t>(o.shape().size()));
        std::vector<float*> out;
        for (auto& r : results) out.push_back(r.data());
        how(out, results);
        return results;
      };
      Arena arena;
      const auto whole = run([&](auto& out, auto&) { plan.run(in, out, arena, Parallel(1)); });
      const auto halves = run([&](auto& out, auto& results) {
        std::vector<float> tape(in_halves.tape_numbers()), adjoint_later = values[2];
        std::fill(values[2].begin(), values[2].end(), 1e30f);  // not known yet
        in_halves.run_forward(in, out, arena, Parallel(1), tape);
        values[2] = adjoint_later;
        in[2] = values[2].data();
        const auto first = results;
        for (auto& r : results) std::fill(r.begin(), r.end(), 1e30f);
        std::fill(arena.data(), arena.data() + arena.bytes(), std::byte{0x7f});
        const auto before = tape;
        in_halves.run_reverse(in, out, arena, Parallel(1), tape);
        CHECK(tape == before);
        for (std::size_t i = 0; i < 4; ++i) std::copy(first[i].begin(), first[i].end(), results[i].begin());
      });
      CHECK(whole == halves);
      CHECK(in_halves.peak_bytes() <= plan.peak_bytes());
      CHECK(in_halves.tape_numbers() * sizeof(float) <=
            plan.tape_bytes() +
                (4 * 36 + 5 * 16) *
                    sizeof(float));  // beside it, the outputs that the reverse reads, at whole cache lines
      std::vector<float> small(in_halves.tape_numbers() + 1);
      std::vector<float*> none;
      CHECK_THROWS_WITH_AS(in_halves.run_forward(in, none, arena, Parallel(1), small),
                           doctest::Contains("found room for"), std::invalid_argument);
      CHECK_THROWS_WITH_AS(in_halves.run(in, none, arena, Parallel(1)),
                           doctest::Contains("the plan was compiled in halves"), std::invalid_argument);
    }
  const Plan<float> one_piece(inputs, outputs);
  std::vector<float*> none;
  CHECK_THROWS_WITH_AS(one_piece.run_reverse({}, none, *std::make_unique<Arena>(), Parallel(1), {}),
                       doctest::Contains("the plan was not compiled in halves"), std::invalid_argument);
  PlanOptions no_forward;
  no_forward.halves = true;
  CHECK_THROWS_WITH_AS(Plan<float>(inputs, outputs, no_forward), doctest::Contains("forward_outputs"),
                       std::invalid_argument);
}
