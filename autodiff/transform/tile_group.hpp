// Tile group: a tile program in the making, to which nodes are added one by one, users before what they use.
//
// It knows what its nodes and operands are to its matrix, not who else reads them: that is for
// transform/tile_programs.cpp. Internal to transform/.
#pragma once
#include <array>
#include <optional>
#include <vector>

#include "autodiff/graph/graph.hpp"
#include "autodiff/ops/tile_program.hpp"

namespace autodiff {

/// Ops that move elements only: reshape, broadcast.
bool moves_only(const Node& node);
/// How many operands of a node have as many numbers as its value.
std::size_t large_operands(const Graph& graph, const Node& node);

/// The matrix has `size` numbers; rows and columns are 0 until something tells how it is cut.
class TileGroup {
 public:
  /// What a node is to a program that wants its value.
  struct Entry {
    NodeId id = kNoNode;
    kernels::BroadcastKind kind = kernels::BroadcastKind::full;
    bool member = false;       ///< computed by the program; else an operand
    bool after_tiles = false;  ///< only rows and scalars that may be made after the last tile want it
    TileSum sum{};             ///< where it is a sum
  };

  /// What a node's joining would change.
  struct Joining {
    /// The operand of a sum is the new matrix, of which the old one is a row, a column or a scalar.
    std::optional<kernels::BroadcastKind> matrix_becomes;
    Index size = 0, rows = 0, cols = 0;
    bool sums_over_tiles = false, one_row = false;
    TileSum sum{};
    std::array<kernels::BroadcastKind, 2> operands{};
  };

  /// Wants the value of `root`, which has not joined yet.
  TileGroup(const Graph& graph, NodeId root);

  NodeId root() const { return root_; }
  /// Null if the group does not know the node.
  const Entry* find(NodeId id) const;
  const std::vector<Entry>& entries() const { return entries_; }
  Index rows() const { return rows_ > 0 ? rows_ : 1; }
  Index cols() const { return rows_ > 0 ? cols_ : size_; }

  /// What it takes that the group computes a node that it wants, if it can.
  std::optional<Joining> try_join(const Graph& graph, NodeId id) const;
  void join(const Graph& graph, NodeId id, const Joining& j);

 private:
  bool join_operands(const Graph& graph, const Entry& entry, const Node& node, Joining& j) const;
  bool join_sum(const Graph& graph, const Entry& entry, const Node& node, Joining& j) const;

  NodeId root_;
  Index size_, rows_ = 0, cols_ = 0;
  bool sums_over_tiles_ = false;
  bool one_row_ = false;  // a sum over all of many numbers: neither rows nor columns
  std::vector<Entry> entries_;
  std::size_t members_ = 0;
};

}  // namespace autodiff
