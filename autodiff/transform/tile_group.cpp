#include "autodiff/transform/tile_group.hpp"

#include <algorithm>

#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/reduce.hpp"

namespace autodiff {

using kernels::BroadcastKind;

namespace {

constexpr std::size_t kMostMembers = 48;  // of a program
constexpr Index kSmallTensor =
    65536;                    // numbers; the lifetime of a larger tensor should not be extended by a program
constexpr NodeId kNear = 64;  // nodes that may lie between the parts of a program over larger tensors

// How `x` broadcasts to `to`: along the rows or columns of a matrix, if it does so.
struct Cut {
  BroadcastKind kind;
  Index rows, cols;
};
std::optional<Cut> cut(const Shape& x, const Shape& to) {
  Index first = 1, second = 1;  // extents before and after the axis at which x starts or stops moving
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
  return Cut{moves ? BroadcastKind::row : BroadcastKind::column, first, second};
}

BroadcastKind became(BroadcastKind kind, const TileGroup::Joining& j) {
  return kind == BroadcastKind::full && j.matrix_becomes ? *j.matrix_becomes : kind;
}

}  // namespace

bool moves_only(const Node& node) { return is(node, reshape_op()) || is(node, broadcast_op()); }

std::size_t large_operands(const Graph& graph, const Node& node) {
  return static_cast<std::size_t>(std::count_if(node.inputs.begin(), node.inputs.end(), [&](NodeId i) {
    return graph.node(i).shape.size() == node.shape.size();
  }));
}

TileGroup::TileGroup(const Graph& graph, NodeId root)
    : root_(root), size_(graph.node(root).shape.size()), entries_{{root, BroadcastKind::full}} {}

const TileGroup::Entry* TileGroup::find(NodeId id) const {
  const auto found = std::ranges::find(entries_, id, &Entry::id);
  return found == entries_.end() ? nullptr : &*found;
}

std::optional<TileGroup::Joining> TileGroup::try_join(const Graph& graph, NodeId id) const {
  const Node& node = graph.node(id);
  const Entry& entry = *find(id);
  if (members_ >= kMostMembers || static_cast<Index>(entries_.size() - members_) + 1 > kMostTileOperands)
    return {};
  if (entry.kind == BroadcastKind::full && node.shape.size() > kSmallTensor &&
      large_operands(graph, node) > 1 && root_ - id > kNear)
    return {};
  Joining j;
  j.size = size_;
  j.rows = rows_;
  j.cols = cols_;
  j.sums_over_tiles = sums_over_tiles_;
  j.one_row = one_row_;
  if (is(node, sum_op()) ? !join_sum(graph, entry, node, j) : !join_operands(graph, entry, node, j))
    return {};
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    for (const Entry& e : entries_)
      if (e.id == node.inputs[i] && became(e.kind, j) != j.operands[i]) return {};
  if (node.inputs.size() == 2 && node.inputs[0] == node.inputs[1] && j.operands[0] != j.operands[1])
    return {};
  return j;
}

bool TileGroup::join_operands(const Graph& graph, const Entry& entry, const Node& node, Joining& j) const {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Shape& x = graph.node(node.inputs[i]).shape;
    if (x.size() == node.shape.size()) {
      j.operands[i] = entry.kind;
    } else if (x.size() == 1) {
      j.operands[i] = BroadcastKind::scalar;
    } else {
      const auto c = cut(x, node.shape);
      if (!c || entry.kind != BroadcastKind::full || j.one_row ||
          (j.rows > 0 && (j.rows != c->rows || j.cols != c->cols)))
        return false;
      j.rows = c->rows;
      j.cols = c->cols;
      j.operands[i] = c->kind;
    }
  }
  return true;
}

// x seen as [A, R, C], summed over R.
bool TileGroup::join_sum(const Graph& graph, const Entry& entry, const Node& node, Joining& j) const {
  const Shape& x = graph.node(node.inputs[0]).shape;
  const auto& [begin, end] = node.attributes.as<SumAttributes>();
  const Index A = x.size(0, begin), R = x.size(begin, end), C = x.size(end, x.rank());
  if (R == 1 || (A > 1 && C > 1)) return false;
  const BroadcastKind to = A > 1 ? BroadcastKind::column : C > 1 ? BroadcastKind::row : BroadcastKind::scalar;
  const Index rows = A > 1 ? A : C > 1 ? R : 0, cols = A > 1 ? R : C > 1 ? C : 0;
  if (to == BroadcastKind::column && cols > kMostSummedCols) return false;
  if (entry.kind == BroadcastKind::full && rows_ == 0 && !sums_over_tiles_ && !one_row_) {
    // The program so far becomes a part of a larger matrix.
    j.matrix_becomes = to;
    j.size = x.size();
    j.rows = rows;
    j.cols = cols;
  } else if (entry.kind != to || x.size() != size_ ||
             (rows > 0 && rows_ > 0 && (rows != rows_ || cols != cols_))) {
    return false;
  } else if (rows > 0) {
    if (j.one_row) return false;
    j.rows = rows;
    j.cols = cols;
  }
  if (to != BroadcastKind::column) {
    if (sums_over_tiles_ || !(entry.after_tiles || j.matrix_becomes)) return false;
    j.sums_over_tiles = true;
    if (to == BroadcastKind::scalar && j.size > kTileElements) {
      if (j.rows > 0) return false;
      j.one_row = true;
    }
  }
  j.sum = to == BroadcastKind::row      ? TileSum::over_rows
          : to == BroadcastKind::column ? TileSum::over_cols
                                        : TileSum::over_all;
  j.operands[0] = BroadcastKind::full;
  return true;
}

void TileGroup::join(const Graph& graph, NodeId id, const Joining& j) {
  const auto place = [&](NodeId node) { return std::ranges::find(entries_, node, &Entry::id); };
  if (j.matrix_becomes)
    for (Entry& e : entries_) {
      e.kind = became(e.kind, j);
      e.after_tiles = *j.matrix_becomes != BroadcastKind::column;
    }
  size_ = j.size;
  rows_ = j.rows;
  cols_ = j.cols;
  sums_over_tiles_ = j.sums_over_tiles;
  one_row_ = j.one_row;
  Entry& entry = *place(id);
  entry.member = true;
  entry.sum = j.sum;
  ++members_;
  const bool after_tiles =
      entry.after_tiles && (entry.kind == BroadcastKind::row || entry.kind == BroadcastKind::scalar);
  const Node& node = graph.node(id);
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (const auto e = place(node.inputs[i]); e != entries_.end())
      e->after_tiles = e->after_tiles && after_tiles;
    else
      entries_.push_back({node.inputs[i], j.operands[i], false, after_tiles, {}});
  }
}

}  // namespace autodiff
