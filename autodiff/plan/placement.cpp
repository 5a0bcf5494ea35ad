#include "autodiff/plan/placement.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "autodiff/graph/op.hpp"
#include "autodiff/plan/memory_plan.hpp"

namespace autodiff {

namespace {

constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

std::size_t aligned(std::size_t bytes) {
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

class Placer {
 public:
  explicit Placer(const Computation& c)
      : c_(c),
        time_(c.graph.size(), kNever),
        last_use_(c.graph.size(), 0),
        used_(c.graph.size(), 0),
        part_of_(c.graph.size()),
        piece_of_(c.graph.size()),
        home_(c.graph.size()),
        scratch_(c.order.size(), kNever) {}

  Placement place() {
    find_views_and_uses();
    find_output_homes();
    find_pieces();
    for (std::size_t t = 0; t < c_.order.size(); ++t) find_home(t);
    return finish();
  }

 private:
  // A part of another node's value, from element `offset` on.
  struct Part {
    NodeId node = kNoNode;
    Index offset = 0;
  };
  // Memory that one or several values share: the caller's, a part of the constants, or a lifetime in the
  // arena.
  struct Home {
    std::uint32_t base = Place::kArena;
    std::size_t index = 0;  // arena: the lifetime; constants: the first number
  };

  const Graph& graph() const { return c_.graph; }
  const Shape& shape(NodeId id) const { return graph().node(id).shape; }
  bool computed(NodeId id) const { return time_[id] != kNever; }
  bool joins(NodeId id) const {
    const OpDef& op = *graph().node(id).op;
    return op.joins && op.joins(node_shape(graph(), id));
  }
  std::size_t bytes(Index numbers) const { return static_cast<std::size_t>(numbers) * c_.number_bytes; }
  std::size_t end_time() const { return c_.order.size(); }
  bool in_forward(std::size_t t) const { return t < c_.forward_steps; }
  // With halves: whether the forward pass writes it and the rest reads it.
  bool on_tape(const Lifetime& l) const { return in_forward(l.first) && !in_forward(l.last); }

  // The value that a node's value is a part of, through views and joins.
  Part memory(NodeId id) const {
    Part p = part_of_[id];
    while (piece_of_[p.node].node != kNoNode) {
      const Part outer = piece_of_[p.node];
      p = {outer.node, outer.offset + p.offset};
    }
    return p;
  }
  // The computed value that a node equals in full, if there is one.
  std::optional<NodeId> whole(NodeId id) const {
    const Part p = part_of_[id];
    if (!computed(p.node) || p.offset != 0 || shape(p.node).size() != shape(id).size()) return {};
    return p.node;
  }

  void find_views_and_uses() {
    for (std::size_t t = 0; t < c_.order.size(); ++t) time_[c_.order[t]] = t;
    for (NodeId id = 0; id < graph().size(); ++id) {
      part_of_[id] = {id, 0};
      if (const auto offset = view_of(graph(), id)) {
        const Part below = part_of_[graph().node(id).inputs[0]];
        part_of_[id] = {below.node, below.offset + *offset};
      }
    }
    for (NodeId id : c_.order) {
      last_use_[id] = std::max(last_use_[id], time_[id]);
      for (NodeId i : graph().node(id).inputs) {
        last_use_[part_of_[i].node] = time_[id];
        used_[part_of_[i].node] = 1;
      }
    }
    for (Var v : c_.outputs) used_[part_of_[v.id()].node] = 1;
  }

  // An output is computed directly in the caller's memory; if that is impossible, it is copied at the end.
  void find_output_homes() {
    const auto first = static_cast<std::uint32_t>(Place::kInputs + c_.inputs.size());
    for (std::size_t i = c_.forward_outputs; i < c_.outputs.size();
         ++i)  // outputs of the reverse that the forward pass may have computed
      if (const NodeId source = part_of_[c_.outputs[i].id()].node;
          c_.forward_steps > 0 && computed(source) && in_forward(time_[source]))
        last_use_[source] = end_time();
    for (std::size_t i = 0; i < c_.outputs.size(); ++i) {
      const NodeId id = c_.outputs[i].id();
      const auto value = whole(id);
      const NodeId source = part_of_[id].node;
      const bool of_forward = i < c_.forward_outputs;
      const bool is_on_tape =
          computed(source) && in_forward(time_[source]) && !(of_forward && in_forward(last_use_[source]));
      if (value && !home_[*value] && !is_on_tape) {
        home_[*value] = Home{first + static_cast<std::uint32_t>(i), 0};
      } else {
        copies_.push_back({id, {}, i});
        last_use_[source] = of_forward ? std::max(last_use_[source], c_.forward_steps - 1) : end_time();
      }
    }
    for (std::size_t i = 0; i < c_.inputs.size(); ++i)
      home_[c_.inputs[i].id()] = Home{static_cast<std::uint32_t>(Place::kInputs + i), 0};
    std::size_t numbers = 0;
    for (NodeId id = 0; id < graph().size(); ++id)
      if (used_[id] && graph().is_constant(id)) {
        home_[id] = Home{Place::kConstants, numbers};
        numbers += static_cast<std::size_t>(shape(id).size());
        constants_.push_back(id);
      }
  }

  // From the last joined value to the first, so that a joined value that is itself a piece takes its pieces
  // along.
  void find_pieces() {
    for (std::size_t t = c_.order.size(); t-- > 0;) {
      const NodeId id = c_.order[t];
      if (!joins(id)) continue;
      Index at = 0;
      for (NodeId i : graph().node(id).inputs) {
        const auto value = whole(i);
        if (value && !home_[*value] && may_join(*value, id)) piece_of_[*value] = {id, at};
        at += shape(i).size();
      }
    }
    // Memory is kept until the last use of any value in it.
    for (NodeId id : c_.order) {
      const NodeId owner = memory(id).node;
      last_use_[owner] = std::max(last_use_[owner], last_use_[id]);
    }
  }

  // A forward value that the rest reads lives on the tape, not in an output or in a value of the other half.
  bool may_join(NodeId piece, NodeId joined) const {
    if (in_forward(time_[piece]) != in_forward(time_[joined])) return false;
    return !home_[memory(joined).node] || !in_forward(time_[piece]) || in_forward(last_use_[piece]);
  }

  void find_home(std::size_t t) {
    const NodeId id = c_.order[t], owner = memory(id).node;
    if (!home_[owner] && owner == id && c_.in_place) write_over_an_operand(id, t);
    if (!home_[owner]) {
      home_[owner] = Home{Place::kArena, lifetimes_.size()};
      lifetimes_.push_back({bytes(shape(owner).size()), t, last_use_[owner]});
    }
    if (c_.scratch[t] > 0) {
      scratch_[t] = lifetimes_.size();
      lifetimes_.push_back({bytes(c_.scratch[t]), t, t});
    }
  }

  // Reuses an operand's memory if it has the same size, no other value in it is read by this step, and none
  // is read later.
  void write_over_an_operand(NodeId id, std::size_t t) {
    if (t + 1 == c_.forward_steps) return;  // copies of the forward outputs are still to come
    const Node& node = graph().node(id);
    const auto arena_home = [&](NodeId i) -> std::optional<std::size_t> {
      const auto& home = home_[memory(i).node];
      if (!home || home->base != Place::kArena) return {};
      return home->index;
    };
    for (std::size_t operand : node.op->in_place) {
      const auto home = arena_home(node.inputs[operand]);
      if (!home || in_forward(lifetimes_[*home].first) != in_forward(t)) continue;  // the tape is read-only
      if (lifetimes_[*home].last != t || lifetimes_[*home].bytes != bytes(node.shape.size()) ||
          shape(node.inputs[operand]) != node.shape)
        continue;
      if (std::count_if(node.inputs.begin(), node.inputs.end(),
                        [&](NodeId i) { return arena_home(i) == home; }) != 1)
        continue;
      home_[id] = Home{Place::kArena, *home};
      lifetimes_[*home].last = last_use_[id];
      return;
    }
  }

  Placement finish() {
    Placement result;
    std::vector<Lifetime> in_arena = lifetimes_;
    std::vector<std::size_t> tape_offset(lifetimes_.size(), kNever);
    for (std::size_t i = 0; i < lifetimes_.size(); ++i)
      if (on_tape(lifetimes_[i])) {
        tape_offset[i] = result.tape_bytes;
        result.tape_bytes += aligned(lifetimes_[i].bytes);
        in_arena[i].bytes = 0;
      }
    const MemoryPlan memory_plan = plan_memory(in_arena);
    const auto place_of = [&](NodeId id) {
      const Part p = memory(id);
      const Home& home = *home_[p.node];
      if (home.base == Place::kArena && tape_offset[home.index] != kNever)
        return Place{Place::kTape, tape_offset[home.index] + bytes(p.offset)};
      const std::size_t start =
          home.base == Place::kArena ? memory_plan.offsets[home.index] : home.index * c_.number_bytes;
      return Place{home.base, start + bytes(p.offset)};
    };
    result.in_arena.assign(graph().size(), 0);
    for (NodeId id = 0; id < graph().size(); ++id) {
      result.value_of.push_back(part_of_[id].node);
      result.joined_in.push_back(piece_of_[id].node);
    }
    for (std::size_t t = 0; t < c_.order.size(); ++t) {
      const NodeId id = c_.order[t];
      Placement::Step step;
      step.index = t;
      step.out = place_of(id);
      result.in_arena[id] = step.out.base == Place::kArena || step.out.base == Place::kTape;
      if (step.out.base == Place::kArena) step.end = aligned(step.out.offset + bytes(shape(id).size()));
      bool there = joins(id);
      std::size_t at = step.out.offset;
      for (NodeId i : graph().node(id).inputs) {
        step.in.push_back(place_of(i));
        there = there && step.in.back() == Place{step.out.base, at};
        at += bytes(shape(i).size());
      }
      if (there) continue;
      if (scratch_[t] != kNever) {
        step.scratch.offset = memory_plan.offsets[scratch_[t]];
        step.end = std::max(step.end, step.scratch.offset + aligned(lifetimes_[scratch_[t]].bytes));
      }
      result.steps.push_back(std::move(step));
    }
    for (Placement::Copy copy : copies_) {
      copy.from = place_of(copy.node);
      result.copies.push_back(copy);
    }
    result.constants = std::move(constants_);
    result.arena_bytes = memory_plan.peak;
    return result;
  }

  const Computation& c_;
  std::vector<std::size_t> time_;      // index in the order, kNever if not computed
  std::vector<std::size_t> last_use_;  // of a value, then (find_pieces) of all values in its memory
  std::vector<char> used_;             // by a step or as an output, through views
  std::vector<Part> part_of_;          // through views
  std::vector<Part> piece_of_;         // of a joined value; none: node == kNoNode
  std::vector<std::optional<Home>> home_;
  std::vector<std::size_t> scratch_;  // lifetime of a step's working memory
  std::vector<Lifetime> lifetimes_;
  std::vector<Placement::Copy> copies_;
  std::vector<NodeId> constants_;
};

}  // namespace

Placement place_values(const Computation& computation) { return Placer(computation).place(); }

}  // namespace autodiff
