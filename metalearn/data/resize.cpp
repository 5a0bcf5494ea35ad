#include "metalearn/data/resize.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

namespace metalearn {

// Output line o covers [o * from / to, (o + 1) * from / to): in units of 1/to of an input line, all borders
// are integers.
AreaResize::Axis AreaResize::make_axis(int from, int to) {
  Axis axis;
  for (std::int64_t o = 0; o < to; ++o) {
    const std::int64_t begin = o * from, end = begin + from;
    const int first = static_cast<int>(axis.weights.size());
    for (std::int64_t i = begin / to; i * to < end; ++i) {
      const std::int64_t covered = std::min((i + 1) * to, end) - std::max(i * to, begin);
      axis.weights.push_back({static_cast<int>(i), static_cast<float>(covered) / static_cast<float>(from)});
    }
    axis.lines.push_back({first, static_cast<int>(axis.weights.size())});
  }
  return axis;
}

AreaResize::AreaResize(int height, int width, int resolution)
    : height_(height), width_(width), resolution_(resolution) {
  if (height <= 0 || width <= 0 || resolution <= 0)
    throw std::invalid_argument("[AreaResize] expected sizes > 0");
  rows_ = make_axis(height, resolution);
  columns_ = make_axis(width, resolution);
}

void AreaResize::operator()(std::span<const float> image, float scale, std::span<float> out) const {
  std::vector<float> line(static_cast<std::size_t>(width_));
  for (int r = 0; r < resolution_; ++r) {
    std::fill(line.begin(), line.end(), 0.0f);
    for (int w = rows_.lines[static_cast<std::size_t>(r)].first;
         w < rows_.lines[static_cast<std::size_t>(r)].last; ++w) {
      const Weight weight = rows_.weights[static_cast<std::size_t>(w)];
      const float* source = image.data() + static_cast<std::ptrdiff_t>(weight.from) * width_;
      for (int c = 0; c < width_; ++c) line[static_cast<std::size_t>(c)] += weight.share * source[c];
    }
    for (int c = 0; c < resolution_; ++c) {
      float sum = 0;
      for (int w = columns_.lines[static_cast<std::size_t>(c)].first;
           w < columns_.lines[static_cast<std::size_t>(c)].last; ++w)
        sum += columns_.weights[static_cast<std::size_t>(w)].share *
               line[static_cast<std::size_t>(columns_.weights[static_cast<std::size_t>(w)].from)];
      out[static_cast<std::size_t>(r * resolution_ + c)] = sum * scale;
    }
  }
}

}  // namespace metalearn
