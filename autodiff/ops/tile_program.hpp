// Tile program: a run of elementwise ops and sums as one op. A short list of instructions goes over a matrix
// tile by tile; what is between them stays in the first-level cache.
//
// The matrix has `rows` and `cols`. Every value of the program is full [rows, cols], a row [cols] (the same
// for every row), a column [rows] or a scalar, and an instruction takes its operands as they broadcast.
// transform/tile_programs.hpp makes such programs out of ordinary ops, whose bits they give.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "autodiff/graph/graph.hpp"
#include "autodiff/kernels/kernels.hpp"

namespace autodiff {

/// Instructions beside the elementwise functions (kFunctions of ops/elementwise.hpp), whose numbers are those
/// functions'.
enum TileFunction : int {
  kSumOverRows = 64,  ///< full -> row
  kSumOverCols,       ///< full -> column
  kSumOverAll,        ///< full -> scalar
  kStretch,           ///< to the kind in y
};

struct TileInstruction {
  int function = 0;
  Index x = 0, y = 0;   ///< values: first the operands, then the results of the instructions before
  double p = 0, q = 0;  ///< attributes of the function
};

struct TileProgram {
  Index rows = 1, cols = 1;
  std::vector<kernels::Walk> operands;  ///< what each operand is
  std::vector<TileInstruction> code;    ///< the last one's result is the op's
  Shape out;

  Attributes attributes() const;
  /// Throws std::invalid_argument for attributes that are no program's.
  static TileProgram from(const Attributes& a);

  /// What each value is: operands, then results. Throws std::invalid_argument saying which rule an
  /// instruction breaks:
  /// - there are at most kMostTileOperands operands and kMostTileInstructions instructions;
  /// - operands and functions are known, and only full values are summed;
  /// - at most one sum runs over rows or over all, and only rows and scalars are made of it;
  /// - a sum over columns has at most kMostSummedCols of them; a sum over all has at most kTileElements
  ///   numbers, unless nothing is a row or a column;
  /// - a column result is made of at most kMostSummedCols columns;
  /// - at most kMostTileRegisters results are waited for at a time.
  std::vector<kernels::Walk> kinds() const;
  /// How many full or column results are waited for at a time.
  Index registers() const;

 private:
  std::vector<kernels::Walk> kinds_of_values() const;
};

inline constexpr Index kMostSummedCols = 512, kMostTileRegisters = 16, kMostTileOperands = 32,
                       kMostTileInstructions = 100;

/// operands: each as many numbers as its kind has, of any shape; the first one of the result's kind if it has
/// its shape (it may be overwritten).
Var tile_program(std::span<const Var> operands, const TileProgram& program, Location at = here());

}  // namespace autodiff
