#include "autodiff/transform/tile_programs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include "autodiff/ops/broadcast.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/tile_program.hpp"

namespace autodiff {

namespace {

using kernels::Binary;
using kernels::Unary;
using kernels::Walk;

constexpr std::size_t kMostMembers = 48;  // of a program
constexpr std::size_t kMostCopies = 3;    // programs that each compute a cheap node
constexpr Index kSmallTensor =
    65536;                    // numbers; what is longer should not live longer for the sake of a program
constexpr NodeId kNear = 64;  // nodes that may lie between the parts of a program over larger tensors

// What a node is to a program that wants its value.
struct Entry {
  NodeId id = kNoNode;
  Walk kind = Walk::full;
  bool member = false;       // computed by the program; else an operand
  bool after_tiles = false;  // only rows and scalars that may be made after the last tile want it
  int sum = 0;               // a sum's instruction
};

// A program in the making: what it computes and what it reads. Its matrix has `size` numbers; rows and
// columns are 0 until something tells how it is cut.
struct Group {
  NodeId root = kNoNode;
  Index size = 1, rows = 0, cols = 0;
  bool sums_over_tiles = false;
  bool one_row = false;  // a sum over all of many numbers: neither rows nor columns
  std::vector<Entry> entries;
  std::size_t members = 0;
};

// What a node's joining would change.
struct Joining {
  std::optional<Walk> matrix_becomes;  // the operand of a sum is the new matrix, of which the old one is a
                                       // row, a column or a scalar
  Index size = 0, rows = 0, cols = 0;
  bool sums_over_tiles = false, one_row = false;
  int sum = 0;
  std::array<Walk, 2> operands{};
};

// How `x` broadcasts to `to`, of which it is a part: along the rows or columns of a matrix, if it does.
struct Cut {
  Walk walk;
  Index rows, cols;
};
std::optional<Cut> cut(const Shape& x, const Shape& to) {
  Index first = 1, second = 1;  // extents before and after x starts or stops to move
  bool moves = false, begun = false, turned = false;
  for (int a = 0; a < to.rank(); ++a) {
    if (to[a] == 1) continue;
    const int axis = a - (to.rank() - x.rank());
    const bool here_moves = axis >= 0 && x[axis] != 1;
    if (begun && here_moves != moves) {
      if (turned) return {};
      turned = true;
    }
    moves = here_moves;
    begun = true;
    (turned ? second : first) *= to[a];
  }
  if (!turned) return {};
  return Cut{moves ? Walk::row : Walk::column, first, second};
}

class Fuser {
 public:
  Fuser(const Graph& graph, std::span<const Var> outputs, std::size_t forward_outputs)
      : graph_(graph),
        broadcast_(find_op("broadcast")),
        sum_(find_op("sum")),
        reshape_(find_op("reshape")),
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
      else if (groups_[m.group[0]].root == id)
        emit(groups_[m.group[0]], rewriter);
    }
    return rewriter.finish(inputs, outputs);
  }

 private:
  // The programs that compute a node, none if it stays an op.
  struct Membership {
    std::size_t count = 0;
    std::array<std::size_t, kMostCopies> group{};
  };
  // Who reads a node: programs, and whether anything else does or of the other half.
  struct Users {
    Membership programs;
    bool outside = false;
    std::size_t count = 0;
  };

  int function(NodeId id) const { return elementwise_function(*graph_.node(id).op); }
  bool fusable(NodeId id) const {
    const OpDef* op = graph_.node(id).op;
    return op == broadcast_ || op == sum_ || op == reshape_ || function(id) >= 0;
  }

  template <class G>
  static auto find(G& group, NodeId id) -> decltype(group.entries.data()) {
    for (auto& e : group.entries)
      if (e.id == id) return &e;
    return nullptr;
  }

  // Users come before what they use: decides where a node is computed and tells its operands.
  void place(NodeId id) {
    Membership& m = groups_of_[id];
    const Users& users = users_[id];
    if (fusable(id)) {
      if (!users.outside && users.programs.count > 0 && (users.programs.count == 1 || cheap(id))) {
        std::array<Joining, kMostCopies> joinings;
        bool all = true;
        for (std::size_t i = 0; i < users.programs.count && all; ++i) {
          const auto joining = try_join(groups_[users.programs.group[i]], id);
          all = joining.has_value();
          if (all) joinings[i] = *joining;
        }
        if (all) {
          for (std::size_t i = 0; i < users.programs.count; ++i)
            join(groups_[users.programs.group[i]], id, joinings[i]);
          m = users.programs;
        }
      }
      if (m.count == 0 && graph_.node(id).op != reshape_) {
        Group group;
        group.root = id;
        group.size = graph_.node(id).shape.size();
        group.entries.push_back({id, Walk::full});
        if (const auto joining = try_join(group, id)) {
          join(group, id, *joining);
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

  // Whether to compute a node in each of several programs rather than once for all: it costs little and needs
  // no more memory than its value.
  bool cheap(NodeId id) {
    const Node& node = graph_.node(id);
    if (node.op == sum_) return false;
    if (node.op == reshape_ || node.op == broadcast_) return true;
    const Membership& m = users_[id].programs;
    bool small = true;
    for (std::size_t i = 0; i < m.count; ++i)
      small = small && find(groups_[m.group[i]], id)->kind != Walk::full;
    if (small) return true;
    switch (const int f = function(id); static_cast<Unary>(f)) {
      case Unary::affine:
      case Unary::neg:
      case Unary::square:
      case Unary::abs:
      case Unary::sign:
      case Unary::step:
      case Unary::relu:
        return true;
      default:
        return f >= kBinaryFunctions && f != kBinaryFunctions + static_cast<int>(Binary::div) &&
               large_operands(node) <= 1;
    }
  }

  std::size_t large_operands(const Node& node) const {
    return static_cast<std::size_t>(std::count_if(node.inputs.begin(), node.inputs.end(), [&](NodeId i) {
      return graph_.node(i).shape.size() == node.shape.size();
    }));
  }

  // What it takes that a group computes a node that it wants, if it can.
  std::optional<Joining> try_join(Group& group, NodeId id) const {
    const Node& node = graph_.node(id);
    const Entry& entry = *find(group, id);
    if (group.members >= kMostMembers ||
        static_cast<Index>(group.entries.size() - group.members) + 1 > kMostTileOperands)
      return {};
    if (entry.kind == Walk::full && node.shape.size() > kSmallTensor && large_operands(node) > 1 &&
        group.root - id > kNear)
      return {};
    Joining j;
    j.size = group.size;
    j.rows = group.rows;
    j.cols = group.cols;
    j.sums_over_tiles = group.sums_over_tiles;
    j.one_row = group.one_row;
    if (node.op == sum_ ? !join_sum(group, entry, node, j) : !join_operands(entry, node, j)) return {};
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      for (const Entry& e : group.entries)
        if (e.id == node.inputs[i] && became(e.kind, j) != j.operands[i]) return {};
    if (node.inputs.size() == 2 && node.inputs[0] == node.inputs[1] && j.operands[0] != j.operands[1])
      return {};
    return j;
  }

  static Walk became(Walk kind, const Joining& j) {
    return kind == Walk::full && j.matrix_becomes ? *j.matrix_becomes : kind;
  }

  bool join_operands(const Entry& entry, const Node& node, Joining& j) const {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const Shape& x = graph_.node(node.inputs[i]).shape;
      if (x.size() == node.shape.size()) {
        j.operands[i] = entry.kind;
      } else if (x.size() == 1) {
        j.operands[i] = Walk::scalar;
      } else {
        const auto c = cut(x, node.shape);
        if (!c || entry.kind != Walk::full || j.one_row ||
            (j.rows > 0 && (j.rows != c->rows || j.cols != c->cols)))
          return false;
        j.rows = c->rows;
        j.cols = c->cols;
        j.operands[i] = c->walk;
      }
    }
    return true;
  }

  // x seen as [A, R, C], summed over R.
  bool join_sum(const Group& group, const Entry& entry, const Node& node, Joining& j) const {
    const Shape& x = graph_.node(node.inputs[0]).shape;
    const int begin = static_cast<int>(node.attributes.ints[0]),
              end = static_cast<int>(node.attributes.ints[1]);
    const Index A = x.size(0, begin), R = x.size(begin, end), C = x.size(end, x.rank());
    if (R == 1 || (A > 1 && C > 1)) return false;
    const Walk to = A > 1 ? Walk::column : C > 1 ? Walk::row : Walk::scalar;
    const Index rows = A > 1 ? A : C > 1 ? R : 0, cols = A > 1 ? R : C > 1 ? C : 0;
    if (to == Walk::column && cols > kMostSummedCols) return false;
    if (entry.kind == Walk::full && group.rows == 0 && !group.sums_over_tiles && !group.one_row) {
      // The whole program so far becomes a part of a larger matrix.
      j.matrix_becomes = to;
      j.size = x.size();
      j.rows = rows;
      j.cols = cols;
    } else if (entry.kind != to || x.size() != group.size ||
               (rows > 0 && group.rows > 0 && (rows != group.rows || cols != group.cols))) {
      return false;
    } else if (rows > 0) {
      if (j.one_row) return false;
      j.rows = rows;
      j.cols = cols;
    }
    if (to != Walk::column) {
      if (group.sums_over_tiles || !(entry.after_tiles || j.matrix_becomes)) return false;
      j.sums_over_tiles = true;
      if (to == Walk::scalar && j.size > kTileElements) {
        if (j.rows > 0) return false;
        j.one_row = true;
      }
    }
    j.sum = to == Walk::row ? kSumOverRows : to == Walk::column ? kSumOverCols : kSumOverAll;
    j.operands[0] = Walk::full;
    return true;
  }

  void join(Group& group, NodeId id, const Joining& j) {
    if (j.matrix_becomes)
      for (Entry& e : group.entries) {
        e.kind = became(e.kind, j);
        e.after_tiles = *j.matrix_becomes != Walk::column;
      }
    group.size = j.size;
    group.rows = j.rows;
    group.cols = j.cols;
    group.sums_over_tiles = j.sums_over_tiles;
    group.one_row = j.one_row;
    Entry& entry = *find(group, id);
    entry.member = true;
    entry.sum = j.sum;
    ++group.members;
    const bool after_tiles = entry.after_tiles && (entry.kind == Walk::row || entry.kind == Walk::scalar);
    const Node& node = graph_.node(id);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (Entry* e = find(group, node.inputs[i]))
        e->after_tiles = e->after_tiles && after_tiles;
      else
        group.entries.push_back({node.inputs[i], j.operands[i], false, after_tiles, 0});
    }
  }

  void emit(Group& group, Rewriter& rewriter) const {
    std::vector<Entry> members, operands;
    for (const Entry& e : group.entries) (e.member ? members : operands).push_back(e);
    std::sort(members.begin(), members.end(), [](const Entry& a, const Entry& b) { return a.id < b.id; });
    std::optional<TileProgram> program;
    const auto computes = [&](const Entry& e) { return graph_.node(e.id).op != reshape_; };
    if (std::count_if(members.begin(), members.end(), computes) > 1)
      program = write(group, members, operands);
    if (!program) {
      for (const Entry& e : members) rewriter[e.id] = rewriter.copy(e.id);
      return;
    }
    std::vector<Var> in;
    for (const Entry& e : operands) in.push_back(rewriter[e.id]);
    const Node& root = graph_.node(group.root);
    const Attribution attribution(rewriter.target(), root);
    rewriter[group.root] = tile_program(in, *program, root.location);
  }

  // The program of a group, its operands put into order; nothing if it can't be one after all.
  std::optional<TileProgram> write(const Group& group, const std::vector<Entry>& members,
                                   std::vector<Entry>& operands) const {
    const Node& root = graph_.node(group.root);
    const Walk result = find(group, group.root)->kind;
    // The first operand may be overwritten: best one that nobody else reads.
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

    TileProgram p;
    p.rows = group.rows > 0 ? group.rows : 1;
    p.cols = group.rows > 0 ? group.cols : group.size;
    p.out = root.shape;
    struct Value {
      NodeId id;
      Index index;
      Walk kind;  // may be a part of what the node's shape says: stretched only where that matters
    };
    std::vector<Value> values;
    for (const Entry& e : operands) {
      values.push_back({e.id, static_cast<Index>(p.operands.size()), e.kind});
      p.operands.push_back(e.kind);
    }
    const auto value = [&](NodeId id) {
      return *std::find_if(values.begin(), values.end(), [id](const Value& v) { return v.id == id; });
    };
    const auto add = [&](TileInstruction i) {
      p.code.push_back(i);
      return static_cast<Index>(p.operands.size() + p.code.size()) - 1;
    };
    const auto stretched = [&](Value v, Walk to) {
      return v.kind == to ? v.index : add({kStretch, v.index, static_cast<Index>(to)});
    };
    for (const Entry& e : members) {
      const Node& node = graph_.node(e.id);
      const Value x = value(node.inputs[0]);
      if (node.op == reshape_ || node.op == broadcast_) {
        values.push_back({e.id, x.index, x.kind});
      } else if (node.op == sum_) {
        const Index from = stretched(x, Walk::full);
        values.push_back({e.id, add({e.sum, from}), e.kind});
      } else {
        const Value y = value(node.inputs.back());
        const auto& a = node.attributes.reals;
        const Walk kind = x.kind == y.kind || y.kind == Walk::scalar ? x.kind
                          : x.kind == Walk::scalar                   ? y.kind
                                                                     : Walk::full;
        values.push_back(
            {e.id, add({function(e.id), x.index, y.index, a.size() > 0 ? a[0] : 0, a.size() > 1 ? a[1] : 0}),
             kind});
      }
    }
    const Value last = value(group.root);
    if (last.kind != result || p.code.empty()) stretched(last, result);
    return p.registers() <= kMostTileRegisters ? std::optional(p) : std::nullopt;
  }

  const Graph& graph_;
  const OpDef *broadcast_, *sum_, *reshape_;
  std::vector<char> needed_, half_;
  std::vector<Membership> groups_of_;
  std::vector<Users> users_;
  std::vector<Group> groups_;
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
