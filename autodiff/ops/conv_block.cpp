// Long because five ops read the same sum of normalised addends, and share its description and reading.
#include "autodiff/ops/conv_block.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <vector>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/batch_norm.hpp"
#include "autodiff/ops/conv.hpp"
#include "autodiff/ops/conv_block_kernels.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/reduce.hpp"

namespace autodiff {

namespace {

// ---- operands (z, moments, offset) of each addend ----------------------------------------------

std::vector<Var> operands_of(std::span<const Normalised> addends) {
  if (addends.empty() || addends.size() > 2)
    throw std::invalid_argument(fmt::format("[block] expected one or two addends, found {}", addends.size()));
  std::vector<Var> in;
  for (const Normalised& n : addends) in.insert(in.end(), {n.z, n.moments, n.offset});
  return in;
}

ActivationAttributes activation_of(std::span<const Normalised> addends, double eps) {
  return {static_cast<int>(addends.size()), eps};
}

/// The shape of the activation, after checking its operands.
Shape activation_shape(std::span<const Shape> in, ActivationAttributes a) {
  if (a.addends != 1 && a.addends != 2)
    throw std::invalid_argument(fmt::format("expected one or two addends, found {}", a.addends));
  if (in.size() < a.operands()) throw std::invalid_argument("expected z, moments and offset of each addend");
  if (!(a.eps > 0)) throw std::invalid_argument(fmt::format("eps must be positive, found {}", a.eps));
  for (std::size_t i = 0; i < a.operands(); i += 3) {
    if (in[i].rank() < 2) throw std::invalid_argument("expected at least two axes");
    const Index C = in[i][in[i].rank() - 1];
    if (in[i] != in[0]) throw std::invalid_argument("the addends' shapes differ");
    if (in[i + 1] != Shape{2, C}) throw std::invalid_argument(fmt::format("expected moments of [2, {}]", C));
    if (in[i + 2] != Shape{C}) throw std::invalid_argument(fmt::format("expected an offset of [{}]", C));
  }
  return in[0];
}

Var meaning(std::span<const Var> in, ActivationAttributes a) {
  const auto one = [&](std::size_t i) { return relu(normalise(in[i], in[i + 1], in[i + 2], a.eps)); };
  return a.addends == 1 ? one(0) : one(0) + one(3);
}

Var row(Var m, Index i) { return reshape(slice(m, 0, i, i + 1), Shape{m.shape()[1]}); }
Var leading_sum(Var x) { return sum_to(x, Shape{x.shape()[x.shape().rank() - 1]}); }

// ---- block_activation ---------------------------------------------------------------------------

const OpDef& activation_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "block_activation";
    d.doc = "Sum of one or two relu(normalise(z, moments, offset))";
    d.attributes = typeid(ActivationAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      const auto& activation = a.as<ActivationAttributes>();
      const Shape s = activation_shape(in, activation);
      if (in.size() != activation.operands())
        throw std::invalid_argument("expected z, moments and offset of each addend");
      return s;
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      return meaning(in, a.as<ActivationAttributes>());
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return block_activation_kernel<T>(s); });
    d.in_place = {0};
    d.cost = [](const NodeShape& s) {
      return 3.0 * static_cast<double>(s.attributes->as<ActivationAttributes>().addends * s.out.size());
    };
    const Shape x{4, 3, 5}, m{2, 5}, o{5};
    d.samples = {{{x, m, o}, ActivationAttributes{1, 1e-3}, 0.3, 1.0},
                 {{x, m, o, x, m, o}, ActivationAttributes{2, 1e-3}, 0.3, 1.0},
                 {{Shape{700, 3, 17}, Shape{2, 17}, Shape{17}},
                  ActivationAttributes{1, 1e-3},
                  0.5,
                  0.6}};  // in the last one no input is near a kink
    d.wrong = {{{x, m, o}, ActivationAttributes{3, 1e-3}, "expected one or two addends"},
               {{x, m}, ActivationAttributes{1, 1e-3}, "expected z, moments and offset"},
               {{x, m, o}, ActivationAttributes{1, 0}, "eps must be positive"},
               {{x, Shape{2, 4}, o}, ActivationAttributes{1, 1e-3}, "expected moments of [2, 5]"},
               {{x, m, Shape{4}}, ActivationAttributes{1, 1e-3}, "expected an offset of [5]"},
               {{x, m, o, Shape{4, 4, 5}, m, o}, ActivationAttributes{2, 1e-3}, "the addends' shapes differ"},
               {{Shape{5}, m, o}, ActivationAttributes{1, 1e-3}, "at least two axes"}};
    return d;
  }());
  return op;
}

// ---- block_conv ---------------------------------------------------------------------------------

const OpDef& block_conv_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "block_conv";
    d.doc = "conv of a block_activation; operands z, moments, offset of each addend, w and perhaps a bias";
    d.attributes = typeid(BlockConvAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      const auto& of = a.as<BlockConvAttributes>();
      const Shape x = activation_shape(in, of.activation);
      const auto rest = in.subspan(of.activation.operands());
      if (rest.size() != 1 && rest.size() != 2)
        throw std::invalid_argument("expected w and perhaps a bias after the addends");
      if (rest.size() == 2 && rest[1].rank() != 1) throw std::invalid_argument("expected a bias of rank 1");
      std::vector<Shape> conv_in{x};
      conv_in.insert(conv_in.end(), rest.begin(), rest.end());
      return infer_conv(conv_in, of.conv);
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      const auto& of = a.as<BlockConvAttributes>();
      const std::size_t w = of.activation.operands();
      return conv(meaning(in, of.activation), in[w], in.size() > w + 1 ? in[w + 1] : Var(), of.conv.axis);
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return block_conv_kernel<T>(s); });
    d.cost = [](const NodeShape& s) {
      const auto& activation = s.attributes->as<BlockConvAttributes>().activation;
      const Shape& w = s.in[activation.operands()];
      return static_cast<double>(s.in[0].size()) * static_cast<double>(w[0] * w[2] + 3 * activation.addends);
    };
    const Shape x{5, 4, 3}, m{2, 3}, o{3}, w{3, 3, 2}, b{2};
    const auto one = [](int axis) { return BlockConvAttributes{{1, 1e-3}, {axis}}; };
    const auto two = [](int axis) { return BlockConvAttributes{{2, 1e-3}, {axis}}; };
    for (int axis : {0, 1}) {
      d.samples.push_back({{x, m, o, w, b}, one(axis), 0.3, 1.0});
      d.samples.push_back({{x, m, o, x, m, o, w}, two(axis), 0.3, 1.0});
      d.samples.push_back(
          {{Shape{17, 33, 5}, Shape{2, 5}, Shape{5}, Shape{3, 5, 7}, Shape{7}}, one(axis), 0.3, 1.0});
      d.samples.push_back(
          {{Shape{36, 100, 9}, Shape{2, 9}, Shape{9}, Shape{3, 9, 10}, Shape{10}}, one(axis), 0.5, 0.6});
      d.samples.push_back({{Shape{4, 6, 17}, Shape{2, 17}, Shape{17}, Shape{4, 6, 17}, Shape{2, 17},
                            Shape{17}, Shape{3, 17, 8}, Shape{8}},
                           two(axis),
                           0.3,
                           1.0});
    }
    d.wrong = {{{x, m, o}, one(0), "expected w and perhaps a bias"},
               {{x, m, o, w, Shape{4, 3, 2}}, one(1), "a bias of rank 1"},
               {{x, m, o, w}, one(2), "axis must be 0 or 1"},
               {{x, m, o, Shape{3, 4, 2}}, one(1), "channels differ: x has 3, w takes 4"},
               {{x, m, Shape{2}, w}, one(1), "expected an offset of [3]"}};
    return d;
  }());
  return op;
}

// ---- block_conv_weight_reverse ------------------------------------------------------------------

const OpDef& weight_reverse_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "block_conv_weight_reverse";
    d.doc =
        "Adjoint of a block_conv's weights; operands z, moments, offset of each addend and the adjoint of "
        "its output";
    d.attributes = typeid(BlockConvWeightReverseAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      const auto& of = a.as<BlockConvWeightReverseAttributes>();
      const Shape x = activation_shape(in, of.activation);
      if (in.size() != of.activation.operands() + 1)
        throw std::invalid_argument("expected an adjoint after the addends");
      const Shape conv_in[] = {x, in.back()};
      return infer_conv_weight_reverse(conv_in, of.conv);
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      const auto& of = a.as<BlockConvWeightReverseAttributes>();
      return conv_weight_reverse(meaning(in, of.activation), in.back(), of.conv.k, of.conv.axis);
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return block_conv_weight_reverse_kernel<T>(s); });
    d.cost = [](const NodeShape& s) {
      const int addends = s.attributes->as<BlockConvWeightReverseAttributes>().activation.addends;
      return static_cast<double>(s.in[0].size()) * static_cast<double>(s.out[0] * s.out[2] + 3 * addends);
    };
    const Shape x{5, 4, 3}, m{2, 3}, o{3}, g{5, 4, 2};
    const auto one = [](int axis, Index k) { return BlockConvWeightReverseAttributes{{1, 1e-3}, {axis, k}}; };
    const auto two = [](int axis, Index k) { return BlockConvWeightReverseAttributes{{2, 1e-3}, {axis, k}}; };
    for (int axis : {0, 1}) {
      d.samples.push_back({{x, m, o, g}, one(axis, 3), 0.3, 1.0});
      d.samples.push_back({{x, m, o, x, m, o, g}, two(axis, 3), 0.3, 1.0});
      d.samples.push_back(
          {{Shape{70, 65, 2}, Shape{2, 2}, Shape{2}, Shape{70, 65, 3}}, one(axis, 3), 0.3, 1.0});
      d.samples.push_back(
          {{Shape{36, 100, 9}, Shape{2, 9}, Shape{9}, Shape{36, 100, 10}}, one(axis, 3), 0.5, 0.6});
      d.samples.push_back({{Shape{4, 6, 17}, Shape{2, 17}, Shape{17}, Shape{4, 6, 17}, Shape{2, 17},
                            Shape{17}, Shape{4, 6, 8}},
                           two(axis, 3),
                           0.3,
                           1.0});
    }
    d.wrong = {{{x, m, o}, one(0, 3), "expected an adjoint"},
               {{x, m, o, Shape{5, 3, 2}}, one(0, 3), "equal leading axes"},
               {{x, m, o, g}, one(0, 4), "must be odd"}};
    return d;
  }());
  return op;
}

// ---- block_sums, block_reverse: the reverse of batch norm and relu ------------------------------

double eps_of(const Attributes& a) { return a.as<NormaliseAttributes>().eps; }

void expect_adjoint(std::span<const Shape> in) {
  if (in[3] != in[0]) throw std::invalid_argument("expected an adjoint of z's shape");
}

const OpDef& sums_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "block_sums";
    d.doc =
        "Per channel the sums of the adjoint that passes the relu, and of it times the normalised z; "
        "operands z, moments, offset, adjoint";
    d.attributes = typeid(NormaliseAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.size() != 4) throw std::invalid_argument("expected z, moments, offset and an adjoint");
      activation_shape(in, {1, eps_of(a)});
      expect_adjoint(in);
      return in[1];
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      const Var passed = gate(in[3], normalise(in[0], in[1], in[2], eps_of(a)));
      const Var normal =
          normalise(in[0], in[1], broadcast_to(in[0].graph().scalar(0), in[2].shape()), eps_of(a));
      const Shape one{1, in[2].shape()[0]};
      const Var parts[] = {reshape(leading_sum(passed), one), reshape(leading_sum(passed * normal), one)};
      return concat(parts, 0);
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return block_sums_kernel<T>(s); });
    d.cost = [](const NodeShape& s) { return 4.0 * static_cast<double>(s.in[0].size()); };
    const Shape x{4, 3, 5}, m{2, 5}, o{5};
    d.samples = {{{x, m, o, x}, NormaliseAttributes{1e-3}, 0.3, 1.0},
                 {{Shape{700, 3, 17}, Shape{2, 17}, Shape{17}, Shape{700, 3, 17}},
                  NormaliseAttributes{1e-3},
                  0.3,
                  1.0}};
    d.wrong = {{{x, m, o}, NormaliseAttributes{1e-3}, "expected z, moments, offset and an adjoint"},
               {{x, m, o, Shape{4, 3, 4}}, NormaliseAttributes{1e-3}, "an adjoint of z's shape"},
               {{x, m, o, x}, NormaliseAttributes{-1}, "eps must be positive"}};
    return d;
  }());
  return op;
}

const OpDef& reverse_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "block_reverse";
    d.doc =
        "Adjoint of z, moments included; operands z, moments, offset, adjoint of the activation, block_sums";
    d.attributes = typeid(NormaliseAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.size() != 5) throw std::invalid_argument("expected z, moments, offset, an adjoint and its sums");
      activation_shape(in, {1, eps_of(a)});
      expect_adjoint(in);
      if (in[4] != in[1]) throw std::invalid_argument(fmt::format("expected sums of {}", in[1].to_string()));
      return in[0];
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      const double share = static_cast<double>(in[2].shape()[0]) / static_cast<double>(in[0].shape().size());
      const Var passed = gate(in[3], normalise(in[0], in[1], in[2], eps_of(a)));
      const Var normal =
          normalise(in[0], in[1], broadcast_to(in[0].graph().scalar(0), in[2].shape()), eps_of(a));
      return (passed - row(in[4], 0) * share - normal * (row(in[4], 1) * share)) *
             rsqrt(row(in[1], 1) + eps_of(a));
    };
    d.in_place = {3, 0};
    d.set_kernel([]<class T>(const NodeShape& s) { return block_reverse_kernel<T>(s); });
    d.cost = [](const NodeShape& s) { return 4.0 * static_cast<double>(s.in[0].size()); };
    const Shape x{4, 3, 5}, m{2, 5}, o{5};
    d.samples = {{{x, m, o, x, m}, NormaliseAttributes{1e-3}, 0.3, 1.0},
                 {{Shape{700, 3, 17}, Shape{2, 17}, Shape{17}, Shape{700, 3, 17}, Shape{2, 17}},
                  NormaliseAttributes{1e-3},
                  0.3,
                  1.0}};
    d.wrong = {
        {{x, m, o, x}, NormaliseAttributes{1e-3}, "expected z, moments, offset, an adjoint and its sums"},
        {{x, m, o, Shape{4, 3, 4}, m}, NormaliseAttributes{1e-3}, "an adjoint of z's shape"},
        {{x, m, o, x, o}, NormaliseAttributes{1e-3}, "expected sums of [2, 5]"},
        {{x, m, o, x, m}, NormaliseAttributes{-1}, "eps must be positive"}};
    return d;
  }());
  return op;
}

}  // namespace

void register_conv_block_ops() {
  activation_op();
  block_conv_op();
  weight_reverse_op();
  sums_op();
  reverse_op();
}

Var block_activation(std::span<const Normalised> addends, double eps, Location at) {
  const auto in = operands_of(addends);
  return in[0].graph().record(activation_op(), in, activation_of(addends, eps), at);
}

Var block_conv(std::span<const Normalised> addends, double eps, Var w, Var b, int axis, Location at) {
  auto in = operands_of(addends);
  in.push_back(w);
  if (b) in.push_back(b);
  return w.graph().record(block_conv_op(), in, BlockConvAttributes{activation_of(addends, eps), {axis}}, at);
}

Var block_conv_weight_reverse(std::span<const Normalised> addends, double eps, Var g, Index k, int axis,
                              Location at) {
  auto in = operands_of(addends);
  in.push_back(g);
  return g.graph().record(weight_reverse_op(), in,
                          BlockConvWeightReverseAttributes{activation_of(addends, eps), {axis, k}}, at);
}

Var block_sums(const Normalised& n, double eps, Var adjoint, Location at) {
  const Var in[] = {n.z, n.moments, n.offset, adjoint};
  return adjoint.graph().record(sums_op(), in, NormaliseAttributes{eps}, at);
}

Var block_reverse(const Normalised& n, double eps, Var adjoint, Var sums, Location at) {
  const Var in[] = {n.z, n.moments, n.offset, adjoint, sums};
  return adjoint.graph().record(reverse_op(), in, NormaliseAttributes{eps}, at);
}

}  // namespace autodiff
