// Tile group: a tile program under construction, to which nodes are added one by one, users before their
// operands.
//
// It tracks how its nodes and operands relate to its matrix; transform/tile_programs.cpp tracks who else
// reads them. Internal to transform/.
#pragma once
#include <array>
#include <optional>
#include <vector>

#include "autodiff/graph/graph.hpp"
#include "autodiff/ops/tile_program.hpp"

namespace autodiff {

/// Ops that only move elements: reshape, broadcast.
bool moves_only(const Node& node);
/// How many operands of a node have the same size as its value.
std::size_t large_operands(const Graph& graph, const Node& node);

/// The matrix has `size` numbers; rows and columns are 0 until a node determines them.
class TileGroup {
 public:
  /// The role of a node in a program that needs its value.
  struct Entry {
    NodeId id = kNoNode;
    kernels::BroadcastKind kind = kernels::BroadcastKind::full;
    bool member = false;       ///< computed by the program; else an operand
    bool after_tiles = false;  ///< needed only by rows and scalars that can be computed after the last tile
    TileSum sum{};             ///< if it is a sum
  };

  /// What adding a node would change.
  struct Joining {
    /// The operand of a sum becomes the new matrix, and the old one is a row, a column or a scalar of it.
    std::optional<kernels::BroadcastKind> matrix_becomes;
    Index size = 0, rows = 0, cols = 0;
    bool sums_over_tiles = false, one_row = false;
    TileSum sum{};
    std::array<kernels::BroadcastKind, 2> operands{};
  };

  /// Starts with `root`, whose value is needed and which is not added yet.
  TileGroup(const Graph& graph, NodeId root);

  NodeId root() const { return root_; }
  /// Null if the group does not know the node.
  const Entry* find(NodeId id) const;
  const std::vector<Entry>& entries() const { return entries_; }
  Index rows() const { return rows_ > 0 ? rows_ : 1; }
  Index cols() const { return rows_ > 0 ? cols_ : size_; }

  /// The change needed for the group to compute a node that it needs; empty if it can't.
  std::optional<Joining> try_join(const Graph& graph, NodeId id) const;
  void join(const Graph& graph, NodeId id, const Joining& j);

 private:
  bool join_operands(const Graph& graph, const Entry& entry, const Node& node, Joining& j) const;
  bool join_sum(const Graph& graph, const Entry& entry, const Node& node, Joining& j) const;

  NodeId root_;
  Index size_, rows_ = 0, cols_ = 0;
  bool sums_over_tiles_ = false;
  bool one_row_ = false;  // sums all of a large matrix: has neither rows nor columns
  std::vector<Entry> entries_;
  std::size_t members_ = 0;
};

}  // namespace autodiff
