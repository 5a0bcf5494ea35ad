// Pictures made by the libraries themselves: PNG and JPEG files in memory. Only where both are there
// (METALEARN_PICTURES).
#pragma once
#include <png.h>
#include <turbojpeg.h>

#include <stdexcept>

#include "data_fixture.hpp"

namespace fixture {

/// pixels [height, width, channels], channels 1, 3 or 4.
inline Bytes png(int height, int width, int channels, const Bytes& pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = static_cast<png_uint_32>(height);
  image.width = static_cast<png_uint_32>(width);
  image.format = channels == 1 ? PNG_FORMAT_GRAY : channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_RGBA;
  png_alloc_size_t size = 0;
  if (!png_image_write_to_memory(&image, nullptr, &size, 0, pixels.data(), 0, nullptr))
    throw std::runtime_error(image.message);
  Bytes file(size);
  if (!png_image_write_to_memory(&image, file.data(), &size, 0, pixels.data(), 0, nullptr))
    throw std::runtime_error(image.message);
  file.resize(size);
  return file;
}

/// pixels [height, width, 3]; quality 100, no chroma subsampling.
inline Bytes jpeg(int height, int width, const Bytes& pixels, bool cmyk = false) {
  tjhandle encoder = tjInitCompress();
  unsigned char* file = nullptr;
  unsigned long size = 0;
  const int failed = tjCompress2(encoder, pixels.data(), width, 0, height, cmyk ? TJPF_CMYK : TJPF_RGB, &file,
                                 &size, TJSAMP_444, 100, 0);
  Bytes bytes(file, file + size);
  tjFree(file);
  tjDestroy(encoder);
  if (failed) throw std::runtime_error("no JPEG");
  return bytes;
}

/// A picture of one colour.
inline Bytes plain(int height, int width, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  Bytes pixels;
  for (int p = 0; p < height * width; ++p) pixels.insert(pixels.end(), {red, green, blue});
  return pixels;
}

}  // namespace fixture
