// Broadcast: NumPy's shape rule, and the loop over blocks of rows for a broadcast operation of two operands.
#pragma once
#include <optional>
#include <vector>

#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/loops/tiles.hpp"

namespace autodiff {

/// Shapes align at the right; extents are equal or one of them is 1. Throws std::invalid_argument otherwise.
Shape broadcast_shape(const Shape& x, const Shape& y);

/// The blocks of rows of out = f(x, y), within which each operand varies along rows, from row to row, both or
/// neither. Neighbouring axes that broadcast alike are merged first.
class BroadcastLoop {
 public:
  BroadcastLoop(const Shape& x, const Shape& y, const Shape& out);

  Index tiles() const { return tiles_; }

  /// The whole operation, if it is one block of one row: the caller can then skip for_blocks(), which
  /// dominates the time of a small op.
  struct Row {
    Index size, x_step, y_step;
  };
  std::optional<Row> single_row() const {
    return outer_ == 1 && tiles_ == 1 ? std::optional(Row{row_, x_step_, y_step_}) : std::nullopt;
  }

  /// Calls f(rows, cols, x_offset, x_kind, y_offset, y_kind, out_offset) for each block of a tile.
  template <class F>
  void for_blocks(Index tile, F&& f) const {
    if (outer_ == 1) {  // one long row, cut into tiles
      const Index begin = tile * kTileElements, n = std::min(kTileElements, row_ - begin);
      f(Index{1}, n, begin * x_step_, kind(x_step_, false), begin * y_step_, kind(y_step_, false), begin);
      return;
    }
    const Index first = tile * rows_per_tile_, last = std::min(outer_, first + rows_per_tile_);
    // Odometer over the outer axes, last axis fastest.
    Index digits[Shape::kMaxRank] = {};
    Index x = 0, y = 0, rest = first;
    for (int a = axes_ - 1; a >= 0; --a) {
      digits[a] = rest % extent_[a];
      rest /= extent_[a];
      x += digits[a] * x_stride_[a];
      y += digits[a] * y_stride_[a];
    }
    const int inner = axes_ - 1;
    for (Index row = first; row < last;) {
      const Index rows = std::min(last - row, extent_[inner] - digits[inner]);
      f(rows, row_, x, kind(x_step_, x_stride_[inner]), y, kind(y_step_, y_stride_[inner]), row * row_);
      row += rows;
      x += rows * x_stride_[inner];
      y += rows * y_stride_[inner];
      digits[inner] += rows;
      for (int a = inner; a >= 0 && digits[a] == extent_[a]; --a) {
        x -= digits[a] * x_stride_[a];
        y -= digits[a] * y_stride_[a];
        digits[a] = 0;
        if (a == 0) break;
        ++digits[a - 1];
        x += x_stride_[a - 1];
        y += y_stride_[a - 1];
      }
    }
  }

 private:
  static kernels::BroadcastKind kind(bool along, bool from_row_to_row) {
    return along ? (from_row_to_row ? kernels::BroadcastKind::full : kernels::BroadcastKind::row)
                 : (from_row_to_row ? kernels::BroadcastKind::column : kernels::BroadcastKind::scalar);
  }

  int axes_ = 0;  // outer axes
  Index extent_[Shape::kMaxRank] = {}, x_stride_[Shape::kMaxRank] = {}, y_stride_[Shape::kMaxRank] = {};
  Index outer_ = 1, row_ = 1, x_step_ = 0, y_step_ = 0;
  Index rows_per_tile_ = 1, tiles_ = 1;
};

}  // namespace autodiff
