#include "autodiff/transform/simplify.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <unordered_map>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/reduce.hpp"

namespace autodiff {

namespace {

using kernels::Binary;
using kernels::Unary;

constexpr Index kLargestFolded = 4096;  // elements

class Copier {
 public:
  Copier(const Graph& source, Graph& target)
      : source_(source), target_(target), map_(source.size()), scopes_(source.scope_names().size()) {}

  void map(NodeId from, Var to) { map_[from] = to; }
  Var mapped(NodeId from) const { return map_[from]; }

  void copy(NodeId id) {
    if (map_[id]) return;
    const Node& node = source_.node(id);
    const Attribution attribution(target_, node.location, scope(node.scope));
    if (source_.is_constant(id)) {
      map_[id] = constant(node.shape, source_.constant_values(id), node.location);
      return;
    }
    std::vector<Var> in;
    for (NodeId i : node.inputs) in.push_back(map_[i]);
    map_[id] = emit(*node.op, in, node.attributes, node.location);
  }

 private:
  // The target's scope for a scope of the source.
  std::uint32_t scope(std::uint32_t of_source) {
    auto& found = scopes_[of_source];
    if (!found) {
      const Scope named(target_, source_.scope_name(of_source));
      found = target_.scope();
    }
    return *found;
  }

  // Compares numbers by their bits: a NaN has no order, and +0 and -0 compare equal but are not the same.
  using Bits = std::vector<std::uint64_t>;
  static std::uint64_t bits(double x) { return std::bit_cast<std::uint64_t>(x); }
  static Bits bits(const std::vector<double>& values) {
    Bits all;
    for (double x : values) all.push_back(bits(x));
    return all;
  }

  bool has_kernel(const OpDef& op) const { return op.view || (op.kernel_f && op.kernel_d); }

  Var constant(const Shape& shape, const std::vector<double>& values, Location at) {
    const auto e = shape.extents();
    auto& slot = constants_[{{e.begin(), e.end()}, bits(values)}];
    if (!slot) slot = target_.constant(shape, values, at);
    return slot;
  }

  // The value of a constant whose elements are all equal, seen through broadcasts.
  const double* uniform(Var v) const {
    const Node& n = target_.node(v);
    if (is(n, broadcast_op()) || is(n, reshape_op())) return uniform(Var(&target_, n.inputs[0]));
    if (!target_.is_constant(v.id())) return nullptr;
    const auto& values = target_.constant_values(v.id());
    return std::all_of(values.begin(), values.end(), [&](double x) { return bits(x) == bits(values[0]); })
               ? &values[0]
               : nullptr;
  }

  // An existing node that equals op(in), or an empty Var.
  Var identity(const OpDef& op, const std::vector<Var>& in, const Attributes& a, const Shape& shape) {
    const auto same_shape = [&](std::size_t i) { return in[i].shape() == shape; };
    const auto one_of = [&](std::initializer_list<const OpDef*> ops) {
      return std::find(ops.begin(), ops.end(), &op) != ops.end();
    };
    if (one_of({&reshape_op(), &broadcast_op(), &sum_op(), &slice_op(), &pad_op()}) && same_shape(0))
      return in[0];
    if (one_of({&reshape_op()}))
      if (const Node& below = target_.node(in[0]); is(below, reshape_op()))
        return emit(op, {Var(&target_, below.inputs[0])}, a, below.location);
    if (one_of({&concat_op()}) && in.size() == 1) return in[0];
    if (one_of({&transpose_op()}) && std::ranges::is_sorted(a.as<TransposeAttributes>().permutation))
      return in[0];
    if (one_of({&slice_op()}))
      if (const Var operand = sliced_operand(target_.node(in[0]), a.as<SliceAttributes>())) return operand;
    if (const auto function = elementwise_function(op)) return identity(*function, in, a, shape);
    return {};
  }

  Var identity(Elementwise function, const std::vector<Var>& in, const Attributes& a, const Shape& shape) {
    if (function == Elementwise(Unary::affine)) {
      const auto& [scale, shift] = a.as<AffineAttributes>();
      return scale == 1 && shift == 0 ? in[0] : Var();
    }
    const auto* f = std::get_if<Binary>(&function);
    if (!f || *f == Binary::gate) return {};
    const double *x = uniform(in[0]), *y = uniform(in[1]);
    const double neutral = *f == Binary::add || *f == Binary::sub ? 0 : 1;
    const bool commutes = *f == Binary::add || *f == Binary::mul;
    if (commutes && x && *x == neutral && in[1].shape() == shape) return in[1];
    if (y && *y == neutral && in[0].shape() == shape) return in[0];
    return {};
  }

  // The operand of a concat along the same axis that the slice selects, if it is exactly one.
  Var sliced_operand(const Node& concat, const SliceAttributes& slice) {
    if (!is(concat, concat_op()) || concat.attributes.as<ConcatAttributes>().axis != slice.axis) return {};
    Index at = 0;
    for (NodeId i : concat.inputs) {
      const Index n = target_.node(i).shape[slice.axis];
      if (at == slice.begin && at + n == slice.end) return Var(&target_, i);
      at += n;
    }
    return {};
  }

  Var emit(const OpDef& op, const std::vector<Var>& in, const Attributes& a, Location at) {
    if (!has_kernel(op)) {
      // Records the spec in a separate graph, then copies it node by node, so that its parts are simplified
      // too.
      Graph scratch;
      const Attribution attribution(scratch, at, 0);
      std::vector<Var> parameters;
      for (Var v : in) parameters.push_back(scratch.input(v.shape(), ""));
      const Var meaning = op.spec(parameters, a);
      Copier copier(scratch, target_);
      copier.seen_ = std::move(seen_);
      copier.constants_ = std::move(constants_);
      for (std::size_t i = 0; i < in.size(); ++i) copier.map(parameters[i].id(), in[i]);
      for (NodeId id = 0; id < scratch.size(); ++id) copier.copy(id);
      seen_ = std::move(copier.seen_);
      constants_ = std::move(copier.constants_);
      return copier.mapped(meaning.id());
    }
    std::vector<Shape> shapes;
    std::vector<NodeId> ids;
    for (Var v : in) {
      shapes.push_back(v.shape());
      ids.push_back(v.id());
    }
    const Shape shape = op.infer(shapes, a);
    if (const Var same = identity(op, in, a, shape)) return same;
    const std::size_t key = hash(op, ids, a);
    for (auto [found, end] = seen_.equal_range(key); found != end; ++found)
      if (equal(target_.node(found->second), op, ids, a)) return {&target_, found->second};
    if (const Var folded = fold(op, in, a, shape, at)) return folded;
    const Var recorded = target_.record(op, in, a, at);
    seen_.emplace(key, recorded.id());
    return recorded;
  }

  static std::size_t hash(const OpDef& op, const std::vector<NodeId>& inputs, const Attributes& a) {
    std::uint64_t h = reinterpret_cast<std::uintptr_t>(&op);
    const auto add = [&h](std::uint64_t x) { h = (std::rotl(h, 23) ^ x) * 0x9e3779b97f4a7c15; };
    for (NodeId i : inputs) add(i);
    for (std::uint64_t b : a.bits()) add(b);
    return h ^ (h >> 32);
  }
  static bool equal(const Node& node, const OpDef& op, const std::vector<NodeId>& inputs,
                    const Attributes& a) {
    return is(node, op) && node.inputs == inputs && node.attributes == a;
  }

  Var fold(const OpDef& op, const std::vector<Var>& in, const Attributes& a, const Shape& shape,
           Location at) {
    if (shape.size() > kLargestFolded || in.empty()) return {};
    NodeShape node{{}, shape, &a};
    std::vector<const double*> pointers;
    for (Var v : in) {
      if (!target_.is_constant(v.id())) return {};
      node.in.push_back(v.shape());
      pointers.push_back(target_.constant_values(v.id()).data());
    }
    // A large constant broadcast from a small one (zeros, ones) is cheaper to compute at run time than to
    // store.
    if (&op == &broadcast_op()) return {};
    if (const auto offset = op.view ? op.view(node) : std::nullopt) {
      const auto begin = target_.constant_values(in[0].id()).begin() + *offset;
      return constant(shape, {begin, begin + shape.size()}, at);
    }
    const Kernel<double> kernel = op.kernel_d(node);
    std::vector<double> out(static_cast<std::size_t>(shape.size())),
        scratch(static_cast<std::size_t>(kernel.scratch));
    const Parallel serial(1);
    kernel.run({pointers.data(), out.data(), scratch.data(), &serial});
    return constant(shape, out, at);
  }

  const Graph& source_;
  Graph& target_;
  std::vector<Var> map_;
  std::vector<std::optional<std::uint32_t>> scopes_;
  std::unordered_multimap<std::size_t, NodeId> seen_;  // of the target, by hash()
  std::map<std::pair<std::vector<Index>, Bits>, Var> constants_;
};

}  // namespace

Rewritten simplify(std::span<const Var> inputs, std::span<const Var> outputs, Graph& target) {
  if (outputs.empty()) throw std::invalid_argument("[simplify] expected at least one output");
  const Graph& source = outputs.front().graph();
  Copier copier(source, target);
  Rewritten result;
  const auto expect_here = [&](const char* what, Var v) {
    if (&v.graph() != &source)
      throw std::invalid_argument(std::string("[simplify] ") + what +
                                  " belongs to another graph than the first output, " +
                                  v.graph().where(v.id()));
  };
  for (Var v : outputs) expect_here("an output", v);
  for (Var v : inputs) expect_here("an input", v);
  for (Var v : inputs) {
    if (!source.is_input(v.id()))
      throw std::invalid_argument("[simplify] an input is not an input node, " + source.where(v.id()));
    result.inputs.push_back(target.input(v.shape(), source.input_name(v.id()), source.node(v).location));
    copier.map(v.id(), result.inputs.back());
  }
  std::vector<bool> needed(source.size(), false);
  for (Var v : outputs) needed[v.id()] = true;
  for (NodeId id = static_cast<NodeId>(source.size()); id-- > 0;)
    if (needed[id])
      for (NodeId i : source.node(id).inputs) needed[i] = true;
  for (NodeId id = 0; id < source.size(); ++id) {
    if (!needed[id]) continue;
    if (source.is_input(id) && !copier.mapped(id))
      throw std::invalid_argument("[simplify] input '" + source.input_name(id) +
                                  "' is used but not among the inputs, " + source.where(id));
    copier.copy(id);
  }
  for (Var v : outputs) result.outputs.push_back(copier.mapped(v.id()));
  return result;
}

}  // namespace autodiff
