// Copy rows: copies rows of numbers between arrays of different pitches.
//
// Readouts are a few channels wide: one memmove per row would cost more than the copy, so short rows are
// copied by vectors, the last one overlapping.
#pragma once
#include <algorithm>
#include <cstring>

#include "autodiff/graph/shape.hpp"

namespace autodiff {

/// y[r*y_pitch + c] = x[r*x_pitch + c] for r < rows, c < kWidth.
template <Index kWidth, class T>
void copy_narrow_rows(Index rows, const T* x, Index x_pitch, T* y, Index y_pitch) {
  for (Index r = 0; r < rows; ++r) std::memcpy(y + r * y_pitch, x + r * x_pitch, kWidth * sizeof(T));
}

/// y[r*y_pitch + c] = x[r*x_pitch + c] for r < rows, c < width. x and y do not overlap.
template <class T>
void copy_rows(Index rows, Index width, const T* x, Index x_pitch, T* y, Index y_pitch) {
  constexpr Index kPiece = 16 / sizeof(T), kShort = 256 / sizeof(T);
  if (width == x_pitch && width == y_pitch) {
    std::copy_n(x, rows * width, y);
    return;
  }
  switch (width) {
    case 1:
      return copy_narrow_rows<1>(rows, x, x_pitch, y, y_pitch);
    case 2:
      return copy_narrow_rows<2>(rows, x, x_pitch, y, y_pitch);
    case 4:
      return copy_narrow_rows<4>(rows, x, x_pitch, y, y_pitch);
    case 8:
      return copy_narrow_rows<8>(rows, x, x_pitch, y, y_pitch);
    case 16:
      return copy_narrow_rows<16>(rows, x, x_pitch, y, y_pitch);
    default:
      break;
  }
  for (Index r = 0; r < rows; ++r, x += x_pitch, y += y_pitch) {
    if (width < kPiece || width > kShort) {
      std::copy_n(x, width, y);
    } else {
      for (Index c = 0; c + kPiece < width; c += kPiece) std::memcpy(y + c, x + c, kPiece * sizeof(T));
      std::memcpy(y + width - kPiece, x + width - kPiece, kPiece * sizeof(T));
    }
  }
}

}  // namespace autodiff
