#include "autodiff/ops/loops/broadcast.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace autodiff {

namespace {
Index extent_from_right(const Shape& s, int from_right) {
  return from_right < s.rank() ? s[s.rank() - 1 - from_right] : 1;
}
}  // namespace

Shape broadcast_shape(const Shape& x, const Shape& y) {
  std::vector<Index> out(static_cast<std::size_t>(std::max(x.rank(), y.rank())));
  for (int i = 0; i < static_cast<int>(out.size()); ++i) {
    const Index a = extent_from_right(x, i), b = extent_from_right(y, i);
    if (a != b && a != 1 && b != 1)
      throw std::invalid_argument(fmt::format("operands do not broadcast: {} against {}", a, b));
    out[out.size() - 1 - static_cast<std::size_t>(i)] = a == 1 ? b : a;
  }
  return Shape(out);
}

BroadcastLoop::BroadcastLoop(const Shape& x, const Shape& y, const Shape& out) {
  // Axes from the last to the first, merged while each operand keeps varying (or keeps constant).
  struct Axis {
    Index extent;
    bool x_moves, y_moves;
  };
  std::vector<Axis> axes;
  for (int i = 0; i < out.rank(); ++i) {
    const Index e = extent_from_right(out, i);
    if (e == 1) continue;
    const Axis a{e, extent_from_right(x, i) != 1, extent_from_right(y, i) != 1};
    if (!axes.empty() && axes.back().x_moves == a.x_moves && axes.back().y_moves == a.y_moves)
      axes.back().extent *= e;
    else
      axes.push_back(a);
  }
  Index x_size = 1, y_size = 1;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const Axis& a = axes[i];
    if (i == 0) {
      row_ = a.extent;
      x_step_ = a.x_moves;
      y_step_ = a.y_moves;
    } else {
      const auto at = axes.size() - 1 - i;  // outermost first
      extent_[at] = a.extent;
      x_stride_[at] = a.x_moves ? x_size : 0;
      y_stride_[at] = a.y_moves ? y_size : 0;
      outer_ *= a.extent;
      ++axes_;
    }
    if (a.x_moves) x_size *= a.extent;
    if (a.y_moves) y_size *= a.extent;
  }
  rows_per_tile_ = std::max<Index>(1, kTileElements / row_);
  tiles_ = outer_ == 1 ? tile_count(row_, kTileElements) : tile_count(outer_, rows_per_tile_);
}

}  // namespace autodiff
