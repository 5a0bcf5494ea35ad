#include "autodiff/ops/softmax.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/loops/tiles.hpp"
#include "autodiff/ops/reduce.hpp"

namespace autodiff {

namespace {

template <class T>
Kernel<T> log_softmax_kernel(const NodeShape& s) {
  const Index C = s.out[s.out.rank() - 1], rows = s.out.size() / C,
              per_tile = std::max<Index>(1, kTileElements / C);
  return Kernel<T>{[=](const KernelArguments<T>& k) {
    for_tiles(*k.parallel, tile_count(rows, per_tile), [&](Index tile) {
      for (Index r = tile * per_tile; r < std::min(rows, (tile + 1) * per_tile); ++r) {
        const T* x = k.in[0] + r * C;
        const T largest = *std::max_element(x, x + C);
        T total = 0;
        for (Index c = 0; c < C; ++c) total += std::exp(x[c] - largest);
        const T rest = std::log(total);  // not added to the largest, where it would be rounded away
        for (Index c = 0; c < C; ++c) k.out[r * C + c] = (x[c] - largest) - rest;
      }
    });
  }};
}

const OpDef& log_softmax_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "log_softmax";
    d.doc = "x - log(sum(exp(x))) over the last axis";
    d.infer = [](std::span<const Shape> in, const Attributes&) {
      if (in.size() != 1) throw std::invalid_argument("expected one operand");
      if (in[0].rank() == 0) throw std::invalid_argument("expected an axis to normalise over");
      return in[0];
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return log_softmax_kernel<T>(s); });
    d.vjp = [](const VjpInput& v, const Attributes&) {
      const int last = v.out.shape().rank() - 1;
      return std::vector<Var>{v.adjoint - exp(v.out) * sum(v.adjoint, {last})};
    };
    d.cost = [](const NodeShape& s) { return 20.0 * static_cast<double>(s.out.size()); };
    d.in_place = {0};
    d.samples = {
        {{Shape{5, 3}}, {}, -3, 3}, {{Shape{7}}, {}}, {{Shape{2, 3, 4}}, {}}, {{Shape{9000, 10}}, {}}};
    d.wrong = {{{Shape{}}, {}, "expected an axis to normalise over"},
               {{Shape{3}, Shape{3}}, {}, "expected one operand"}};
    return d;
  }());
  return op;
}

}  // namespace

void register_softmax_ops() { log_softmax_op(); }

Var log_softmax(Var x, Location at) { return x.graph().record(log_softmax_op(), std::span(&x, 1), {}, at); }

Var softmax_cross_entropy(Var logits, Var targets, Location at) {
  const Shape& s = logits.shape();
  if (s.rank() == 0 || targets.shape() != s)
    throw std::invalid_argument(
        fmt::format("[softmax_cross_entropy] expected logits and targets of one shape with an axis of "
                    "classes: {} against {}, {}",
                    s.to_string(), targets.shape().to_string(), logits.graph().where(at)));
  const double rows = static_cast<double>(s.size() / s[s.rank() - 1]);
  return affine(sum_all(mul(targets, log_softmax(logits, at), at), at), -1 / rows, 0, at);
}

}  // namespace autodiff
