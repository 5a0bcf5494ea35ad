// Colour: adds red, green and blue planes to a set: all three, or as luminance. Function without state.
#pragma once
#include <cstdint>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// Adds the pixels of one image to a set of its height and width; `planes` is red, then green, then blue. If
/// set.channels is 3, as they are; if 1, as 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded.
inline void append_image(ImageSet& set, const std::uint8_t* planes) {
  const std::size_t area = static_cast<std::size_t>(set.height) * static_cast<std::size_t>(set.width);
  if (set.channels == 3) {
    set.pixels.insert(set.pixels.end(), planes, planes + 3 * area);
    return;
  }
  const std::uint8_t *red = planes, *green = red + area, *blue = green + area;
  for (std::size_t p = 0; p < area; ++p)
    set.pixels.push_back(
        static_cast<std::uint8_t>((299 * red[p] + 587 * green[p] + 114 * blue[p] + 500) / 1000));
}

}  // namespace metalearn
