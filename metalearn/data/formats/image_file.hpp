// ImageFile: a PNG (libpng) or JPEG (libjpeg-turbo) picture as bytes. Both libraries are optional when the
// program is built. Functions without state.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace metalearn {

inline constexpr int kLargestPicture = 4096;  ///< pixels, height and width

struct Picture {
  int height = 0, width = 0;
  std::vector<std::uint8_t>
      planes;               ///< [3, height, width]: red, green, blue; all equal if the picture is grey
  std::size_t skipped = 0;  ///< not 0: extraneous bytes before markers of a JPEG were skipped
};

/// In lower case with their dot: ".png", ".jpg", ...
std::vector<std::string> picture_extensions();

/// Detects the format by the first bytes. Pixels become sRGB (a PNG that states another gamma is converted),
/// 16 bits per channel become 8, transparent parts white. A JPEG is turned as its EXIF orientation says.
/// `name` is for messages. Throws BadData: neither of the two, damaged, truncated, larger than
/// kLargestPicture, a JPEG in CMYK; UsageError if the program was built without the library.
Picture decode_picture(std::span<const std::uint8_t> file, const std::string& name);

/// The libraries' versions, or "not there, PNG files can't be read".
std::string png_library();
std::string jpeg_library();

}  // namespace metalearn
