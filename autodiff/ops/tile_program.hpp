// Tile program: a chain of elementwise ops and sums as one op. A short list of instructions runs over a
// matrix tile by tile; intermediate values stay in the first-level cache.
//
// The matrix has `rows` and `cols`. Every value of the program is full [rows, cols], a row [cols] (the same
// for every row), a column [rows] or a scalar, and an instruction broadcasts its operands.
// transform/tile_programs.hpp builds such programs from ordinary ops; they give the same bits as those ops.
#pragma once
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "autodiff/graph/graph.hpp"
#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/elementwise.hpp"

namespace autodiff {

/// A sum of a full value: to a row, a column, a scalar.
enum class TileSum { over_rows, over_cols, over_all };
/// A value broadcast to a larger kind.
struct Stretch {
  kernels::BroadcastKind to = kernels::BroadcastKind::full;
  bool operator==(const Stretch&) const = default;
};
using TileFunction = std::variant<kernels::Unary, kernels::Binary, TileSum, Stretch>;

struct TileInstruction {
  TileFunction function;
  Index x = 0, y = 0;   ///< values: first the operands, then the results of previous instructions
  double p = 0, q = 0;  ///< ElementwiseParameters of the function

  bool is_binary() const { return std::holds_alternative<kernels::Binary>(function); }
  /// Whether it is a sum whose terms are in several tiles.
  bool crosses_tiles() const;
  /// The elementwise function, if it is one.
  std::optional<Elementwise> elementwise() const;
};

/// The kind of a result of two values: the smallest that holds both.
kernels::BroadcastKind joined_kind(kernels::BroadcastKind x, kernels::BroadcastKind y);
/// Size of a value for this matrix.
Index size_of(kernels::BroadcastKind kind, Index rows, Index cols);
/// Whether a value has numbers in several tiles, along the rows.
inline bool tilewise(kernels::BroadcastKind kind) {
  return kind == kernels::BroadcastKind::full || kind == kernels::BroadcastKind::column;
}

/// Attributes of the op too.
struct TileProgram {
  Index rows = 1, cols = 1;
  std::vector<kernels::BroadcastKind> operands;  ///< the kind of each operand
  std::vector<TileInstruction> code;             ///< the last instruction's result is the op's result
  Shape out;

  /// The kind of each value: operands, then results. Throws std::invalid_argument naming the rule that an
  /// instruction breaks:
  /// - the matrix has a row and a column at least, and at most 2^40 numbers;
  /// - there are at most kMostTileOperands operands and kMostTileInstructions instructions;
  /// - operands and functions are known, and only full values can be summed;
  /// - at most one sum runs over rows or over all, and only rows and scalars depend on it;
  /// - a sum over columns has at most kMostSummedCols of them; a sum over all has at most kTileElements
  ///   numbers, unless nothing is a row or a column;
  /// - a column result takes at most kMostSummedCols columns;
  /// - at most kMostTileRegisters results are live at the same time.
  std::vector<kernels::BroadcastKind> kinds() const;
  /// How many full or column results are live at the same time.
  Index registers() const;

  /// The register of each full or column result, -1 if it needs none (the last result goes to out); and the
  /// number of registers. kinds: as from kinds().
  struct Registers {
    std::vector<int> of;
    int count = 0;
  };
  Registers allocate(const std::vector<kernels::BroadcastKind>& kinds) const;

 private:
  std::vector<kernels::BroadcastKind> kinds_of_values() const;
};

inline constexpr Index kMostSummedCols = 512, kMostTileRegisters = 16, kMostTileOperands = 32,
                       kMostTileInstructions = 100;

/// operands: each with the size of its kind, of any shape; if the first operand has the result's shape, it
/// must also have its kind (it may be overwritten).
Var tile_program(std::span<const Var> operands, const TileProgram& program, Location at = here());

void register_tile_program_ops();

}  // namespace autodiff
