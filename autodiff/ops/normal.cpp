#include "autodiff/ops/normal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/loops/tiles.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <Random123/philox.h>
#pragma GCC diagnostic pop

namespace autodiff {

namespace {

constexpr double kUnit = 0x1p-32;

// Two normals of one counter (Box and Muller 1958), from uniforms in (0, 1).
std::pair<double, double> two_normals(std::uint32_t pair, std::int64_t counter, std::uint64_t seed) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto count = static_cast<std::uint64_t>(counter);
  const philox4x32_ctr_t c = {
      {pair, low(count), low(count >> 32),
       0x6e6f726du}};  // the last word separates this stream from others with the same key
  const philox4x32_key_t key = {{low(seed), low(seed >> 32)}};
  const philox4x32_ctr_t r = philox4x32_R(10, c, key);
  const double u = (r.v[0] + 0.5) * kUnit, v = (r.v[1] + 0.5) * kUnit;
  const double radius = std::sqrt(-2 * std::log(u)), angle = 2 * std::numbers::pi * v;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

struct NormalAttributes {
  std::uint64_t seed = 0;
  Shape shape;
};

const OpDef& normal_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "normal";
    d.doc = "Standard normal numbers, a function of the counter (operand), the seed and the place";
    d.attributes = typeid(NormalAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.size() != 1 || in[0].rank() != 0)
        throw std::invalid_argument("expected one scalar, the counter");
      return a.as<NormalAttributes>().shape;
    };
    d.set_kernel([]<class T>(const NodeShape& s) {
      const std::uint64_t seed = s.attributes->as<NormalAttributes>().seed;
      const Index n = s.out.size();
      constexpr Index kPerTile = 2048;
      return Kernel<T>{[=](const KernelArguments<T>& k) {
        if (!(*k.in[0] >= 0 && *k.in[0] < T(0x1p62))) {
          std::fill_n(k.out, n, std::numeric_limits<T>::quiet_NaN());
          return;
        }
        const auto counter = static_cast<std::int64_t>(std::floor(*k.in[0]));
        for_tiles(*k.parallel, tile_count(n, kPerTile), [&](Index tile) {
          for (Index i = tile * kPerTile; i < std::min(n, (tile + 1) * kPerTile); i += 2) {
            const auto [a, b] = two_normals(static_cast<std::uint32_t>(i / 2), counter, seed);
            k.out[i] = static_cast<T>(a);
            if (i + 1 < n) k.out[i + 1] = static_cast<T>(b);
          }
        });
      }};
    });
    d.cost = [](const NodeShape& s) { return 40.0 * static_cast<double>(s.out.size()); };
    d.zero_gradient = true;
    d.samples = {{{Shape{}}, NormalAttributes{7, {3, 5}}, 0.2, 0.8},
                 {{Shape{}}, NormalAttributes{7 | std::uint64_t{1} << 32, {300, 30}}, 3.2, 3.8}};
    d.wrong = {{{Shape{2}}, NormalAttributes{7, {3}}, "expected one scalar, the counter"}};
    return d;
  }());
  return op;
}

}  // namespace

void register_normal_ops() { normal_op(); }

Var normal(Var counter, Shape shape, std::uint64_t seed, Location at) {
  return counter.graph().record(normal_op(), std::span(&counter, 1), NormalAttributes{seed, shape}, at);
}

}  // namespace autodiff
