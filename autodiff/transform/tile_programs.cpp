// Long because one pass from the outputs to the inputs forms all groups, with shared state.
#include "autodiff/transform/tile_programs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/ops/tile_program.hpp"
#include "autodiff/transform/tile_group.hpp"

namespace autodiff {

namespace {

using kernels::Binary;
using kernels::BroadcastKind;
using kernels::Unary;

constexpr std::size_t kMostCopies = 3;  // programs that each compute a cheap node

using Entry = TileGroup::Entry;

class Fuser {
 public:
  Fuser(const Graph& graph, std::span<const Var> outputs, std::size_t forward_outputs)
      : graph_(graph),
        needed_(ancestors(outputs)),
        half_(ancestors(outputs.first(forward_outputs))),
        groups_of_(graph.size()),
        users_(graph.size()) {
    half_.resize(graph.size(), 0);
    for (Var v : outputs) users_[v.id()].outside = true;
    for (auto id = static_cast<NodeId>(graph.size()); id-- > 0;)
      if (needed_[id]) place(id);
  }

  Rewritten rewrite(std::span<const Var> inputs, std::span<const Var> outputs, Graph& target) {
    Rewriter rewriter(graph_, target);
    for (Var v : inputs) rewriter[v.id()] = rewriter.copy(v.id());
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!needed_[id] || graph_.is_input(id)) continue;
      const Membership& m = groups_of_[id];
      if (m.count == 0)
        rewriter[id] = rewriter.copy(id);
      else if (groups_[m.group[0]].root() == id)
        emit(groups_[m.group[0]], rewriter);
    }
    return rewriter.finish(inputs, outputs);
  }

 private:
  // The programs that compute a node; none if it stays an ordinary op.
  struct Membership {
    std::size_t count = 0;
    std::array<std::size_t, kMostCopies> group{};
  };
  // The readers of a node: programs, and whether anything else or the other half reads it.
  struct Users {
    Membership programs;
    bool outside = false;
    std::size_t count = 0;
  };

  static bool fusable(const Node& n) {
    return moves_only(n) || is(n, sum_op()) || elementwise_function(*n.op);
  }

  // Visits users before their operands: decides where a node is computed and registers it as a reader of its
  // operands.
  void place(NodeId id) {
    Membership& m = groups_of_[id];
    const Users& users = users_[id];
    if (fusable(graph_.node(id))) {
      if (!users.outside && users.programs.count > 0 && (users.programs.count == 1 || cheap(id))) {
        std::array<TileGroup::Joining, kMostCopies> joinings;
        bool all = true;
        for (std::size_t i = 0; i < users.programs.count && all; ++i) {
          const auto joining = groups_[users.programs.group[i]].try_join(graph_, id);
          all = joining.has_value();
          if (all) joinings[i] = *joining;
        }
        if (all) {
          for (std::size_t i = 0; i < users.programs.count; ++i)
            groups_[users.programs.group[i]].join(graph_, id, joinings[i]);
          m = users.programs;
        }
      }
      if (m.count == 0 && !is(graph_.node(id), reshape_op())) {
        TileGroup group(graph_, id);
        if (const auto joining = group.try_join(graph_, id)) {
          group.join(graph_, id, *joining);
          m = {1, {groups_.size()}};
          groups_.push_back(std::move(group));
        }
      }
    }
    for (NodeId i : graph_.node(id).inputs) {
      Users& u = users_[i];
      ++u.count;
      if (m.count == 0 || half_[i] != half_[id]) u.outside = true;
      for (std::size_t g = 0; g < m.count; ++g) add(u, m.group[g]);
    }
  }

  static void add(Users& users, std::size_t group) {
    Membership& m = users.programs;
    for (std::size_t i = 0; i < m.count; ++i)
      if (m.group[i] == group) return;
    if (m.count == kMostCopies)
      users.outside = true;
    else
      m.group[m.count++] = group;
  }

  // Whether to compute a node in each of several programs instead of once: it is cheap and its operands take
  // no more memory than its value.
  bool cheap(NodeId id) {
    const Node& node = graph_.node(id);
    if (is(node, sum_op())) return false;
    if (moves_only(node)) return true;
    const Membership& m = users_[id].programs;
    bool small = true;
    for (std::size_t i = 0; i < m.count; ++i)
      small = small && groups_[m.group[i]].find(id)->kind != BroadcastKind::full;
    if (small) return true;
    const Elementwise function = *elementwise_function(*node.op);
    if (const auto* f = std::get_if<Binary>(&function))
      return *f != Binary::div && large_operands(graph_, node) <= 1;
    switch (std::get<Unary>(function)) {
      case Unary::affine:
      case Unary::neg:
      case Unary::square:
      case Unary::abs:
      case Unary::sign:
      case Unary::step:
      case Unary::relu:
        return true;
      default:
        return false;
    }
  }

  void emit(const TileGroup& group, Rewriter& rewriter) const {
    std::vector<Entry> members, operands;
    for (const Entry& e : group.entries()) (e.member ? members : operands).push_back(e);
    std::sort(members.begin(), members.end(), [](const Entry& a, const Entry& b) { return a.id < b.id; });
    std::optional<TileProgram> program;
    const auto computes = [&](const Entry& e) { return !is(graph_.node(e.id), reshape_op()); };
    if (std::count_if(members.begin(), members.end(), computes) > 1)
      program = write(group, members, operands);
    if (!program) {
      for (const Entry& e : members) rewriter[e.id] = rewriter.copy(e.id);
      return;
    }
    std::vector<Var> in;
    for (const Entry& e : operands) in.push_back(rewriter[e.id]);
    const Node& root = graph_.node(group.root());
    const Attribution attribution(rewriter.target(), root);
    rewriter[group.root()] = tile_program(in, *program, root.location);
  }

  // The program of a group, with its operands in order; empty if it is not possible after all.
  std::optional<TileProgram> write(const TileGroup& group, const std::vector<Entry>& members,
                                   std::vector<Entry>& operands) const {
    const Node& root = graph_.node(group.root());
    const BroadcastKind result = group.find(group.root())->kind;
    // The first operand may be overwritten: preferably one without other readers.
    const auto rank = [&](const Entry& e) {
      if (graph_.node(e.id).shape != root.shape) return 2;
      if (e.kind != result) return 3;
      return users_[e.id].count == 1 ? 0 : 1;
    };
    if (operands.empty()) return {};
    std::iter_swap(operands.begin(),
                   std::min_element(operands.begin(), operands.end(),
                                    [&](const Entry& a, const Entry& b) { return rank(a) < rank(b); }));
    if (rank(operands.front()) == 3) return {};

    TileProgram program;
    program.rows = group.rows();
    program.cols = group.cols();
    program.out = root.shape;
    struct Value {
      NodeId id;
      Index index;
      BroadcastKind kind;  // may be less than the node's shape: stretched only where that matters
    };
    std::vector<Value> values;
    for (const Entry& e : operands) {
      values.push_back({e.id, static_cast<Index>(program.operands.size()), e.kind});
      program.operands.push_back(e.kind);
    }
    const auto value = [&](NodeId id) {
      return *std::find_if(values.begin(), values.end(), [id](const Value& v) { return v.id == id; });
    };
    const auto add = [&](TileInstruction i) {
      program.code.push_back(i);
      return static_cast<Index>(program.operands.size() + program.code.size()) - 1;
    };
    const auto stretched = [&](Value v, BroadcastKind to) {
      return v.kind == to ? v.index : add({Stretch{to}, v.index});
    };
    for (const Entry& e : members) {
      const Node& node = graph_.node(e.id);
      const Value x = value(node.inputs[0]);
      if (moves_only(node)) {
        values.push_back({e.id, x.index, x.kind});
      } else if (is(node, sum_op())) {
        const Index from = stretched(x, BroadcastKind::full);
        values.push_back({e.id, add({e.sum, from}), e.kind});
      } else {
        const Value y = value(node.inputs.back());
        const auto [p, q] = elementwise_parameters(node);
        const TileFunction function =
            std::visit([](auto f) { return TileFunction(f); }, *elementwise_function(*node.op));
        values.push_back({e.id, add({function, x.index, y.index, p, q}), joined_kind(x.kind, y.kind)});
      }
    }
    const Value last = value(group.root());
    if (last.kind != result || program.code.empty()) stretched(last, result);
    return program.registers() <= kMostTileRegisters ? std::optional(program) : std::nullopt;
  }

  const Graph& graph_;
  std::vector<char> needed_, half_;
  std::vector<Membership> groups_of_;
  std::vector<Users> users_;
  std::vector<TileGroup> groups_;
};

}  // namespace

Rewritten tile_programs(std::span<const Var> inputs, std::span<const Var> outputs, Graph& target,
                        std::size_t forward_outputs) {
  if (outputs.empty() || forward_outputs > outputs.size())
    throw std::invalid_argument(fmt::format(
        "[tile programs] expected at least one output and at most as many forward ones, found {} and {}",
        outputs.size(), forward_outputs));
  return Fuser(outputs.front().graph(), outputs, forward_outputs).rewrite(inputs, outputs, target);
}

}  // namespace autodiff
