// Convolutions in fours and block ops as whole ops: against convolutions written as slices and products, and
// against the ops that they fuse. Their gradients and threads: registry_test.cpp.
#include "autodiff/ops/conv_block.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/batch_norm.hpp"
#include "autodiff/ops/conv.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/testing/largest_error.hpp"

using namespace autodiff;

namespace {

using Recorded = std::function<Var(std::span<const Var>)>;

std::vector<double> draw(Index n, std::uint64_t seed, double low, double high) {
  std::vector<double> v(static_cast<std::size_t>(n));
  std::uint64_t state = seed * 1000003 + 7;
  for (double& x : v) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    x = low + (high - low) * static_cast<double>(state >> 11) * 0x1p-53;
  }
  return v;
}

template <class T>
std::vector<T> run(const Recorded& f, std::span<const Shape> shapes, double low, int threads = 1) {
  Graph graph;
  std::vector<Var> inputs;
  std::vector<std::vector<T>> values;
  std::vector<const T*> in;
  for (const Shape& s : shapes) {
    inputs.push_back(graph.input(s, "x"));
    const auto drawn = draw(s.size(), inputs.size(), low, 1);
    values.emplace_back(drawn.begin(), drawn.end());
  }
  for (const auto& v : values) in.push_back(v.data());
  const Var y = f(inputs);
  std::vector<T> out(static_cast<std::size_t>(y.shape().size()));
  T* o = out.data();
  Arena arena;
  PlanOptions options{.spread_above = 0, .transform = {.fuse = false}};  // what is written is what runs
  Plan<T>(inputs, std::span(&y, 1), options).run(in, std::span(&o, 1), arena, Parallel(threads));
  return out;
}

/// Largest difference, relative to the largest magnitude of b.
template <class T>
double difference(const std::vector<T>& a, const std::vector<T>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0, scale = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    scale = std::max(scale, std::abs(static_cast<double>(b[i])));
    keep_largest(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return worst / scale;
}

/// x moved by `by` positions along an axis, zeros moving in.
Var shifted(Var x, int axis, Index by) {
  const Index n = x.shape()[static_cast<std::size_t>(axis)];
  if (by == 0) return x;
  const Shape edge = x.shape().with(axis, 1);
  const Var zero = x.graph().constant(edge, std::vector<double>(static_cast<std::size_t>(edge.size())));
  if (n == 1) return zero;
  const Var moved_down[] = {zero, slice(x, axis, 0, n - 1)}, moved_up[] = {slice(x, axis, 1, n), zero};
  return by > 0 ? concat(moved_down, axis) : concat(moved_up, axis);
}

/// The meaning of a convolution of three taps: products of shifted rows.
Var three_products(Var x, Var w, int axis) {
  const Shape& s = x.shape();
  const Index rows = s[0] * s[1], C = s[2], O = w.shape()[2];
  Var sum;
  for (Index j = 0; j < 3; ++j) {
    const Var part =
        matmul(reshape(shifted(x, axis, 1 - j), Shape{rows, C}), reshape(slice(w, 0, j, j + 1), Shape{C, O}));
    sum = sum ? sum + part : part;
  }
  return reshape(sum, Shape{s[0], s[1], O});
}

struct Sizes {
  Index units, examples, C, O;
};
const Sizes kSizes[] = {{1, 1, 8, 8},    {2, 2, 8, 8},     {3, 2, 16, 9},   {17, 2, 8, 20},
                        {2, 17, 33, 16}, {17, 3, 16, 16},  {6, 34, 64, 64}, {33, 47, 12, 120},
                        {70, 65, 9, 10}, {40, 24, 32, 32}, {5, 6, 1, 16}};

}  // namespace

TEST_CASE_TEMPLATE("a convolution and its weight gradient are sums of shifted products on odd shapes", T,
                   float, double) {
  for (const auto& [units, examples, C, O] : kSizes)
    for (int axis : {0, 1}) {
      CAPTURE(units);
      CAPTURE(examples);
      CAPTURE(C);
      CAPTURE(O);
      CAPTURE(axis);
      const Shape x{units, examples, C}, w{3, C, O}, g{units, examples, O};
      const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-14;
      const Shape forward[] = {x, w}, reverse[] = {x, g};
      CHECK(difference(run<T>([axis](auto in) { return conv(in[0], in[1], Var(), axis); }, forward, -1),
                       run<T>([axis](auto in) { return three_products(in[0], in[1], axis); }, forward, -1)) <
            tolerance);
      const Recorded sums = [axis, C = C, O = O](std::span<const Var> in) {
        const Index rows = in[0].shape()[0] * in[0].shape()[1];
        std::vector<Var> taps;
        for (Index j = 0; j < 3; ++j)
          taps.push_back(reshape(matmul(transpose(reshape(shifted(in[0], axis, 1 - j), Shape{rows, C})),
                                        reshape(in[1], Shape{rows, O})),
                                 Shape{1, C, O}));
        return concat(taps, 0);
      };
      CHECK(difference(
                run<T>([axis](auto in) { return conv_weight_reverse(in[0], in[1], 3, axis); }, reverse, -1),
                run<T>(sums, reverse, -1)) < 10 * tolerance);
    }
}

TEST_CASE_TEMPLATE("a bias of each unit stands for inputs that are the same for all examples", T, float,
                   double) {
  for (const auto& [units, examples, C, O] : kSizes) {
    CAPTURE(units);
    CAPTURE(examples);
    CAPTURE(C);
    CAPTURE(O);
    constexpr Index fixed = 5;
    const Shape shapes[] = {Shape{units, examples, C}, Shape{units, 1, fixed}, Shape{3, C, O},
                            Shape{3, fixed, O}, Shape{O}};
    const auto at_ends = [=, n = units, few = std::min<Index>(3, examples)](std::span<const Var> in) {
      const Var bias = conv(broadcast_to(in[1], Shape{n, few, fixed}), in[3], in[4], 1);
      return conv(in[0], in[2], bias, 1);
    };
    const auto plain = [=, n = units, all = examples](std::span<const Var> in) {
      return conv(concat(std::vector{in[0], broadcast_to(in[1], Shape{n, all, fixed})}, 2),
                  concat(std::vector{in[2], in[3]}, 1), in[4], 1);
    };
    const auto want = run<T>(plain, shapes, -1);
    const auto got = run<T>(at_ends, shapes, -1, 1);
    CHECK(difference(got, want) < (sizeof(T) == 4 ? 1e-5 : 1e-14));
    CHECK(run<T>(at_ends, shapes, -1, 3) == got);
  }
}

TEST_CASE_TEMPLATE("every block op has the bits of the ops that it fuses", T, float, double) {
  constexpr double eps = 1e-3;
  for (const auto& [units, examples, C, O] : kSizes)
    for (std::size_t addends : {1u, 2u})
      for (int axis : {0, 1}) {
        CAPTURE(units);
        CAPTURE(examples);
        CAPTURE(C);
        CAPTURE(O);
        CAPTURE(addends);
        CAPTURE(axis);
        std::vector<Shape> shapes;
        const Shape x{units, examples, C}, m{2, C}, o{C};
        for (std::size_t a = 0; a < addends; ++a) shapes.insert(shapes.end(), {x, m, o});
        const std::size_t rest = shapes.size();
        shapes.insert(shapes.end(), {Shape{3, C, O}, Shape{O}, Shape{units, examples, O}, x});
        // Offsets of about -1/2 close about half of the relus.
        const auto offset = [](Var v) { return v - 1.3; };
        const auto blocks = [=](std::span<const Var> in) {
          std::vector<Normalised> all;
          for (std::size_t a = 0; a < addends; ++a)
            all.push_back({in[3 * a], in[3 * a + 1], offset(in[3 * a + 2])});
          return all;
        };
        const auto meaning = [=](std::span<const Var> in) {
          const auto one = [&](std::size_t a) {
            return relu(normalise(in[3 * a], in[3 * a + 1], offset(in[3 * a + 2]), eps));
          };
          return addends == 1 ? one(0) : one(0) + one(1);
        };
        const auto check = [&](const Recorded& fused, const Recorded& plain) {
          const auto want = run<T>(plain, shapes, 0.2);
          for (int threads : {1, 3}) CHECK(run<T>(fused, shapes, 0.2, threads) == want);
        };
        check([=](auto in) { return block_activation(blocks(in), eps); }, meaning);
        check([=](auto in) { return block_conv(blocks(in), eps, in[rest], in[rest + 1], axis); },
              [=](auto in) { return conv(meaning(in), in[rest], in[rest + 1], axis); });
        check([=](auto in) { return block_conv_weight_reverse(blocks(in), eps, in[rest + 2], 3, axis); },
              [=](auto in) { return conv_weight_reverse(meaning(in), in[rest + 2], 3, axis); });
      }
}
