#include "autodiff/ops/elementwise.hpp"

#include <algorithm>
#include <stdexcept>
#include <unordered_map>

#include "autodiff/graph/op.hpp"
#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/loops/broadcast.hpp"
#include "autodiff/ops/loops/tiles.hpp"
#include "autodiff/ops/reduce.hpp"

namespace autodiff {

namespace {

using kernels::Binary;
using kernels::Unary;

// ---- one operand --------------------------------------------------------------------------------

Shape same_shape(std::span<const Shape> in, const Attributes&) {
  if (in.size() != 1) throw std::invalid_argument("expected one operand");
  return in[0];
}

WrongUse two_operands(Attributes a = {}) {
  return {{Shape{2, 3}, Shape{2, 3}}, std::move(a), "expected one operand"};
}

// Converts between node attributes and kernel parameters.
ElementwiseParameters parameters_of(const Attributes& a) {
  if (a.type() == typeid(AffineAttributes))
    return {a.as<AffineAttributes>().scale, a.as<AffineAttributes>().shift};
  if (a.type() == typeid(LeakyReluAttributes)) return {a.as<LeakyReluAttributes>().slope, 0};
  return {};
}
Attributes attributes_of(Elementwise f, ElementwiseParameters p) {
  if (f == Elementwise(Unary::affine)) return AffineAttributes{p.p, p.q};
  if (f == Elementwise(Unary::leaky_relu)) return LeakyReluAttributes{p.p};
  return {};
}

using UnaryVjp = Var (*)(Var x, Var y, Var g, const Attributes&);

struct UnaryRow {
  const char* name;
  const char* doc;
  Unary f;
  UnaryVjp vjp;  // null: zero everywhere
  Sample sample;
};

Sample over(double low, double high, double keep_away = 0, Attributes attributes = {}) {
  Sample s;
  s.in = {Shape{3, 5, 7}};
  s.low = low;
  s.high = high;
  s.keep_away_from_zero = keep_away;
  s.attributes = std::move(attributes);
  return s;
}

// The same for an array of several tiles.
Sample lengthened(Sample s) {
  s.in = {Shape{70001}};
  return s;
}

const std::vector<UnaryRow>& unary_rows() {
  static const std::vector<UnaryRow> rows = {
      {"affine", "scale * x + shift", Unary::affine,
       [](Var, Var, Var g, const Attributes& a) { return affine(g, a.as<AffineAttributes>().scale, 0); },
       over(-1, 1, 0, AffineAttributes{1.5, -0.25})},
      {"neg", "-x", Unary::neg, [](Var, Var, Var g, const Attributes&) { return -g; }, over(-1, 1)},
      {"square", "x^2", Unary::square,
       [](Var x, Var, Var g, const Attributes&) { return g * affine(x, 2, 0); }, over(-1, 1)},
      {"sqrt", "square root", Unary::sqrt,
       [](Var, Var y, Var g, const Attributes&) { return affine(g, 0.5, 0) / y; }, over(0.3, 2)},
      {"rsqrt", "1 / sqrt(x)", Unary::rsqrt,
       [](Var, Var y, Var g, const Attributes&) { return affine(g, -0.5, 0) * (y * square(y)); },
       over(0.3, 2)},
      {"reciprocal", "1 / x", Unary::reciprocal,
       [](Var, Var y, Var g, const Attributes&) { return -(g * square(y)); }, over(-2, 2, 0.4)},
      {"exp", "e^x", Unary::exp, [](Var, Var y, Var g, const Attributes&) { return g * y; }, over(-1, 1)},
      {"log", "natural logarithm", Unary::log, [](Var x, Var, Var g, const Attributes&) { return g / x; },
       over(0.3, 2)},
      {"abs", "|x|", Unary::abs, [](Var x, Var, Var g, const Attributes&) { return g * sign(x); },
       over(-1, 1, 0.01)},
      {"sign", "-1, 0 or 1; zero derivative", Unary::sign, nullptr, over(-1, 1, 0.01)},
      {"step", "1 if x > 0 else 0; zero derivative", Unary::step, nullptr, over(-1, 1, 0.01)},
      {"relu", "max(x, 0)", Unary::relu, [](Var, Var y, Var g, const Attributes&) { return gate(g, y); },
       over(-1, 1, 0.01)},
      {"leaky_relu", "x > 0 ? x : slope * x", Unary::leaky_relu,
       [](Var x, Var, Var g, const Attributes& a) {
         const double slope = a.as<LeakyReluAttributes>().slope;
         return g * affine(step(x), 1 - slope, slope);
       },
       over(-1, 1, 0.01, LeakyReluAttributes{0.2})},
      {"elu", "x > 0 ? x : exp(x) - 1", Unary::elu,
       [](Var, Var y, Var g, const Attributes&) { return g * affine(relu(-y), -1, 1); }, over(-1, 1, 0.01)},
      {"sigmoid", "1 / (1 + exp(-x))", Unary::sigmoid,
       [](Var, Var y, Var g, const Attributes&) { return g * (y * affine(y, -1, 1)); }, over(-2, 2)},
      {"tanh", "hyperbolic tangent", Unary::tanh,
       [](Var, Var y, Var g, const Attributes&) { return g * affine(square(y), -1, 1); }, over(-2, 2)},
      {"softplus", "log(1 + exp(x))", Unary::softplus,
       [](Var x, Var, Var g, const Attributes&) { return g * sigmoid(x); }, over(-2, 2)},
  };
  return rows;
}

OpDef defined(const UnaryRow& row) {
  OpDef d;
  d.name = row.name;
  d.doc = row.doc;
  d.attributes = row.sample.attributes.type();
  d.infer = same_shape;
  d.set_kernel([f = row.f]<class T>(const NodeShape& s) {
    const ElementwiseParameters parameters = parameters_of(*s.attributes);
    const T p = static_cast<T>(parameters.p), q = static_cast<T>(parameters.q);
    const Index n = s.out.size(), tiles = tile_count(n, kTileElements);
    const auto run = kernels::active<T>().unary;
    if (tiles == 1) return Kernel<T>{[=](const KernelArguments<T>& k) { run(f, n, k.in[0], k.out, p, q); }};
    return Kernel<T>{[=](const KernelArguments<T>& k) {
      for_tiles(*k.parallel, tiles, [&](Index i) {
        const Index begin = i * kTileElements;
        run(f, std::min(kTileElements, n - begin), k.in[0] + begin, k.out + begin, p, q);
      });
    }};
  });
  if (row.vjp)
    d.vjp = [vjp = row.vjp](const VjpInput& v, const Attributes& a) {
      return std::vector<Var>{vjp(v.in[0], v.out, v.adjoint, a)};
    };
  else
    d.zero_gradient = true;
  d.in_place = {0};
  d.samples = {row.sample, lengthened(row.sample)};
  d.wrong = {two_operands(row.sample.attributes)};
  return d;
}

// By function, null where there is none.
template <class Row>
std::vector<const OpDef*> registered(const std::vector<Row>& rows) {
  std::vector<const OpDef*> all;
  for (const Row& row : rows) {
    const auto f = static_cast<std::size_t>(row.f);
    if (all.size() <= f) all.resize(f + 1, nullptr);
    all[f] = &add_to_registry(defined(row));
  }
  return all;
}
template <class Function>
const OpDef* entry(const std::vector<const OpDef*>& ops, Function f) {
  const auto i = static_cast<std::size_t>(f);
  return i < ops.size() ? ops[i] : nullptr;
}

const OpDef* op_of(Unary f) {
  static const auto ops = registered(unary_rows());
  return entry(ops, f);
}

Var record_unary(Unary f, Var x, Location at, Attributes attributes = {}) {
  return x.graph().record(*op_of(f), std::span(&x, 1), std::move(attributes), at);
}

const OpDef& swish_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "swish";
    d.doc = "x * sigmoid(x)";
    d.infer = same_shape;
    d.spec = [](std::span<const Var> in, const Attributes&) { return in[0] * sigmoid(in[0]); };
    d.samples = {over(-2, 2), lengthened(over(-2, 2))};
    d.wrong = {two_operands()};
    return d;
  }());
  return op;
}

// ---- two operands -------------------------------------------------------------------------------

using BinaryVjp = std::vector<Var> (*)(Var x, Var y, Var z, Var g, std::span<const bool> wanted);

struct BinaryRow {
  const char* name;
  const char* doc;
  Binary f;
  BinaryVjp vjp;
  double keep_away;
};

Var to_shape_of(Var g, Var like) { return sum_to(g, like.shape()); }

const std::vector<BinaryRow>& binary_rows() {
  static const std::vector<BinaryRow> rows = {
      {"add", "x + y", Binary::add,
       [](Var x, Var y, Var, Var g, std::span<const bool> w) {
         return std::vector<Var>{w[0] ? to_shape_of(g, x) : Var(), w[1] ? to_shape_of(g, y) : Var()};
       },
       0},
      {"sub", "x - y", Binary::sub,
       [](Var x, Var y, Var, Var g, std::span<const bool> w) {
         return std::vector<Var>{w[0] ? to_shape_of(g, x) : Var(), w[1] ? -to_shape_of(g, y) : Var()};
       },
       0},
      {"mul", "x * y", Binary::mul,
       [](Var x, Var y, Var, Var g, std::span<const bool> w) {
         return std::vector<Var>{w[0] ? to_shape_of(g * y, x) : Var(), w[1] ? to_shape_of(g * x, y) : Var()};
       },
       0},
      {"div", "x / y", Binary::div,
       [](Var x, Var y, Var z, Var g, std::span<const bool> w) {
         const Var gx = g / y;
         return std::vector<Var>{w[0] ? to_shape_of(gx, x) : Var(), w[1] ? -to_shape_of(gx * z, y) : Var()};
       },
       0.4},
      {"gate", "y > 0 ? x : 0; no gradient to y", Binary::gate,
       [](Var x, Var y, Var, Var g, std::span<const bool> w) {
         return std::vector<Var>{w[0] ? to_shape_of(gate(g, y), x) : Var(), Var()};
       },
       0.01},
  };
  return rows;
}

OpDef defined(const BinaryRow& row) {
  OpDef d;
  d.name = row.name;
  d.doc = row.doc;
  d.infer = [](std::span<const Shape> in, const Attributes&) {
    if (in.size() != 2) throw std::invalid_argument("expected two operands");
    return broadcast_shape(in[0], in[1]);
  };
  d.set_kernel([f = row.f]<class T>(const NodeShape& s) {
    const BroadcastLoop loop(s.in[0], s.in[1], s.out);
    if (const auto whole = loop.single_row()) {
      const auto run = kernels::active<T>().binary;
      return Kernel<T>{[f, run, r = *whole](const KernelArguments<T>& k) {
        run(f, r.size, k.in[0], r.x_step, k.in[1], r.y_step, k.out);
      }};
    }
    const auto run = kernels::active<T>().binary_rows;
    return Kernel<T>{[=](const KernelArguments<T>& k) {
      for_tiles(*k.parallel, loop.tiles(), [&](Index tile) {
        loop.for_blocks(tile, [&](Index rows, Index cols, Index x, kernels::BroadcastKind x_kind, Index y,
                                  kernels::BroadcastKind y_kind, Index z) {
          run(f, rows, cols, k.in[0] + x, x_kind, k.in[1] + y, y_kind, k.out + z);
        });
      });
    }};
  });
  d.vjp = [vjp = row.vjp](const VjpInput& v, const Attributes&) {
    return vjp(v.in[0], v.in[1], v.out, v.adjoint, v.wanted);
  };
  d.in_place = {0, 1};
  d.wrong = {{{Shape{2, 3}}, {}, "expected two operands"},
             {{Shape{4, 3}, Shape{4, 5}}, {}, "operands do not broadcast: 3 against 5"},
             {{Shape{2, 4, 3}, Shape{5, 1}}, {}, "4 against 5"}};
  for (auto shapes : std::initializer_list<std::vector<Shape>>{{Shape{4, 3, 5}, Shape{4, 3, 5}},
                                                               {Shape{4, 3, 5}, Shape{5}},
                                                               {Shape{4, 1, 5}, Shape{1, 3, 1}},
                                                               {Shape{}, Shape{2, 3}},
                                                               {Shape{6, 1}, Shape{6, 7}},
                                                               {Shape{6, 3, 5}, Shape{1, 1, 5}},
                                                               {Shape{300, 17, 16}, Shape{300, 1, 16}}}) {
    Sample sample;
    sample.in = shapes;
    sample.keep_away_from_zero = row.keep_away;
    d.samples.push_back(sample);
  }
  return d;
}

const OpDef* op_of(Binary f) {
  static const auto ops = registered(binary_rows());
  return entry(ops, f);
}

Var record_binary(Binary f, Var x, Var y, Location at) {
  const Var in[] = {x, y};
  return x.graph().record(*op_of(f), in, {}, at);
}

}  // namespace

void register_elementwise_ops() {
  op_of(Unary::affine);
  op_of(Binary::add);
  swish_op();
}

const OpDef* elementwise_op(Elementwise function) {
  return std::visit([](auto f) { return op_of(f); }, function);
}

std::optional<Elementwise> elementwise_function(const OpDef& op) {
  static const auto functions = [] {
    std::unordered_map<const OpDef*, Elementwise> all;
    for (const auto& row : unary_rows()) all[op_of(row.f)] = row.f;
    for (const auto& row : binary_rows()) all[op_of(row.f)] = row.f;
    return all;
  }();
  const auto found = functions.find(&op);
  return found == functions.end() ? std::nullopt : std::optional(found->second);
}

ElementwiseParameters elementwise_parameters(const Node& node) { return parameters_of(node.attributes); }

Var record_elementwise(Elementwise function, std::span<const Var> operands, ElementwiseParameters parameters,
                       Location at) {
  const OpDef* op = elementwise_op(function);
  if (!op) throw std::invalid_argument("[elementwise] there is no op of this function");
  return operands[0].graph().record(*op, operands, attributes_of(function, parameters), at);
}

Var add(Var x, Var y, Location at) { return record_binary(Binary::add, x, y, at); }
Var sub(Var x, Var y, Location at) { return record_binary(Binary::sub, x, y, at); }
Var mul(Var x, Var y, Location at) { return record_binary(Binary::mul, x, y, at); }
Var div(Var x, Var y, Location at) { return record_binary(Binary::div, x, y, at); }
Var gate(Var x, Var y, Location at) { return record_binary(Binary::gate, x, y, at); }
Var affine(Var x, double scale, double shift, Location at) {
  return record_unary(Unary::affine, x, at, AffineAttributes{scale, shift});
}
Var neg(Var x, Location at) { return record_unary(Unary::neg, x, at); }
Var square(Var x, Location at) { return record_unary(Unary::square, x, at); }
Var sqrt(Var x, Location at) { return record_unary(Unary::sqrt, x, at); }
Var rsqrt(Var x, Location at) { return record_unary(Unary::rsqrt, x, at); }
Var reciprocal(Var x, Location at) { return record_unary(Unary::reciprocal, x, at); }
Var exp(Var x, Location at) { return record_unary(Unary::exp, x, at); }
Var log(Var x, Location at) { return record_unary(Unary::log, x, at); }
Var abs(Var x, Location at) { return record_unary(Unary::abs, x, at); }
Var sign(Var x, Location at) { return record_unary(Unary::sign, x, at); }
Var step(Var x, Location at) { return record_unary(Unary::step, x, at); }
Var relu(Var x, Location at) { return record_unary(Unary::relu, x, at); }
Var leaky_relu(Var x, double slope, Location at) {
  return record_unary(Unary::leaky_relu, x, at, LeakyReluAttributes{slope});
}
Var elu(Var x, Location at) { return record_unary(Unary::elu, x, at); }
Var sigmoid(Var x, Location at) { return record_unary(Unary::sigmoid, x, at); }
Var tanh(Var x, Location at) { return record_unary(Unary::tanh, x, at); }
Var softplus(Var x, Location at) { return record_unary(Unary::softplus, x, at); }
Var swish(Var x, Location at) { return x.graph().record(swish_op(), std::span(&x, 1), {}, at); }

}  // namespace autodiff
