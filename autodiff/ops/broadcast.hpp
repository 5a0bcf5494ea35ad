// Broadcast: NumPy's shape rule, and the loop over rows that a broadcast operation of two operands becomes.
#pragma once
#include <vector>

#include "autodiff/ops/tiles.hpp"

namespace autodiff {

/// Shapes align at the right; extents are equal or one of them is 1. Throws std::invalid_argument otherwise.
Shape broadcast_shape(const Shape& x, const Shape& y);

/// The rows of out = f(x, y): along a row each operand moves by a step of 0 or 1. Neighbouring axes that broadcast alike are merged first.
class BroadcastLoop {
 public:
  BroadcastLoop(const Shape& x, const Shape& y, const Shape& out);

  Index tiles() const { return tiles_; }

  /// Calls f(n, x_offset, x_step, y_offset, y_step, out_offset) for each row of a tile.
  template <class F>
  void for_rows(Index tile, F&& f) const {
    if (outer_ == 1) {  // one long row, cut into tiles
      const Index begin = tile * kTileElements, n = std::min(kTileElements, row_ - begin);
      f(n, begin * x_step_, x_step_, begin * y_step_, y_step_, begin);
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
    for (Index row = first; row < last; ++row) {
      f(row_, x, x_step_, y, y_step_, row * row_);
      for (int a = axes_ - 1; a >= 0; --a) {
        x += x_stride_[a];
        y += y_stride_[a];
        if (++digits[a] < extent_[a]) break;
        x -= digits[a] * x_stride_[a];
        y -= digits[a] * y_stride_[a];
        digits[a] = 0;
      }
    }
  }

 private:
  int axes_ = 0;  // outer axes
  Index extent_[Shape::kMaxRank] = {}, x_stride_[Shape::kMaxRank] = {}, y_stride_[Shape::kMaxRank] = {};
  Index outer_ = 1, row_ = 1, x_step_ = 0, y_step_ = 0;
  Index rows_per_tile_ = 1, tiles_ = 1;
};

}  // namespace autodiff
