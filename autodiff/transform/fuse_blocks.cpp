#include "autodiff/transform/fuse_blocks.hpp"

#include <map>
#include <optional>

#include "autodiff/ops/batch_norm.hpp"
#include "autodiff/ops/conv.hpp"
#include "autodiff/ops/conv_block.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/reduce.hpp"

namespace autodiff {

namespace {

using kernels::Binary;
using kernels::Unary;

// relu(normalise(z, moments, offset, eps)), or the sum of two, in node ids of the source.
struct Activation {
  struct Addend {
    NodeId z, moments, offset;
  };
  std::vector<Addend> addends;
  double eps = 0;
};

class Fuser {
 public:
  Fuser(const Graph& source, Graph& target, const std::vector<char>& needed)
      : rewriter_(source, target), activation_(source.size()) {
    for (NodeId id = 0; id < source.size(); ++id)
      if (needed[id]) activation_[id] = recognise(id);
  }

  Rewriter& rewriter() { return rewriter_; }

  Var emit(NodeId id) {
    const Node& n = node(id);
    const Attribution attribution(rewriter_.target(), n);
    if (activation_[id]) return block_activation(addends(*activation_[id]), activation_[id]->eps);
    if (is(n, conv_op()) && activation_[n.inputs[0]] &&
        (n.inputs.size() < 3 || node(n.inputs[2]).shape.rank() == 1)) {
      const Activation& a = *activation_[n.inputs[0]];
      return block_conv(addends(a), a.eps, rewriter_[n.inputs[1]],
                        n.inputs.size() > 2 ? rewriter_[n.inputs[2]] : Var(),
                        n.attributes.as<ConvAttributes>().axis);
    }
    if (is(n, conv_weight_reverse_op()) && activation_[n.inputs[0]]) {
      const Activation& a = *activation_[n.inputs[0]];
      const auto& of = n.attributes.as<ConvWeightReverseAttributes>();
      return block_conv_weight_reverse(addends(a), a.eps, rewriter_[n.inputs[1]], of.k, of.axis);
    }
    if (is(n, batch_norm_reverse_op()))
      if (const Activation* a = gated(n.inputs[2]);
          a && a->eps == eps_of(n) && a->addends[0].z == n.inputs[0] && a->addends[0].moments == n.inputs[1])
        return block_reverse(addends(*a)[0], a->eps, adjoint(n.inputs[2]), sums(n.inputs[2]));
    if (is(n, sum_op()) && over_leading_axes(n)) {
      if (is_batch_norm_reverse(n.inputs[0])) return broadcast_to(rewriter_.target().scalar(0), n.shape);
      if (gated(n.inputs[0])) return reshape(slice(sums(n.inputs[0]), 0, 0, 1), n.shape);
    }
    return rewriter_.copy(id);
  }

 private:
  const Node& node(NodeId id) const { return rewriter_.source().node(id); }
  static double eps_of(const Node& n) { return n.attributes.as<NormaliseAttributes>().eps; }

  std::optional<Activation> recognise(NodeId id) const {
    const Node& n = node(id);
    if (is(n, Unary::relu) && is(node(n.inputs[0]), normalise_op())) {
      const Node& below = node(n.inputs[0]);
      return Activation{{{below.inputs[0], below.inputs[1], below.inputs[2]}}, eps_of(below)};
    }
    if (is(n, Binary::add) && node(n.inputs[0]).shape == node(n.inputs[1]).shape) {
      const auto &x = activation_[n.inputs[0]], &y = activation_[n.inputs[1]];
      if (x && y && x->eps == y->eps && x->addends.size() == 1 && y->addends.size() == 1)
        return Activation{{x->addends[0], y->addends[0]}, x->eps};
    }
    return std::nullopt;
  }

  // The activation by which a node gates an adjoint, if the node is such a gate.
  const Activation* gated(NodeId id) const {
    const Node& n = node(id);
    if (!is(n, Binary::gate)) return nullptr;
    const auto& a = activation_[n.inputs[1]];
    return a && a->addends.size() == 1 && node(n.inputs[0]).shape == n.shape &&
                   node(n.inputs[1]).shape == n.shape
               ? &*a
               : nullptr;
  }
  Var adjoint(NodeId gate) { return rewriter_[node(gate).inputs[0]]; }

  // One pair of sums for all nodes that need them.
  Var sums(NodeId gate) {
    Var& v = sums_[gate];
    const Activation& a = *gated(gate);
    if (!v) v = block_sums(addends(a)[0], a.eps, adjoint(gate));
    return v;
  }

  // REQUIRES the moments of its own x: only then do the rows of the result sum to zero.
  bool is_batch_norm_reverse(NodeId id) const {
    const Node& n = node(id);
    if (!is(n, batch_norm_reverse_op())) return false;
    const Node& m = node(n.inputs[1]);
    return is(m, moments_op()) && m.inputs[0] == n.inputs[0];
  }

  bool over_leading_axes(const Node& sum) const {
    const Shape& x = node(sum.inputs[0]).shape;
    const auto& [begin, end] = sum.attributes.as<SumAttributes>();
    return begin == 0 && end == x.rank() - 1;
  }

  std::vector<Normalised> addends(const Activation& a) {
    std::vector<Normalised> all;
    for (const auto& n : a.addends)
      all.push_back({rewriter_[n.z], rewriter_[n.moments], rewriter_[n.offset]});
    return all;
  }

  Rewriter rewriter_;
  std::vector<std::optional<Activation>> activation_;
  std::map<NodeId, Var> sums_;  // by gate
};

}  // namespace

Rewritten fuse_blocks(std::span<const Var> inputs, std::span<const Var> outputs, Graph& target) {
  std::vector<Var> all(inputs.begin(), inputs.end());
  all.insert(all.end(), outputs.begin(), outputs.end());
  const std::vector<char> needed = ancestors(all);
  Fuser fuser(outputs.front().graph(), target, needed);
  for (NodeId id = 0; id < needed.size(); ++id)
    if (needed[id]) fuser.rewriter()[id] = fuser.emit(id);
  return fuser.rewriter().finish(inputs, outputs);
}

}  // namespace autodiff
