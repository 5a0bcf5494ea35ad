#include "metalearn/data/formats/image_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <new>

#include "checkpoints/error.hpp"

#ifdef METALEARN_PNG
#include <png.h>
#endif
#ifdef METALEARN_JPEG
#include <turbojpeg.h>
#endif

namespace metalearn {
namespace {

using checkpoints::BadData;

[[maybe_unused]] BadData damaged(const std::string& name, const char* format, std::string reason) {
  std::replace_if(
      reason.begin(), reason.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return BadData(
      fmt::format("{}: truncated or damaged {} picture ({}); replace or remove it", name, format, reason));
}

/// A truncated header may lack its sizes.
[[maybe_unused]] void require_size(const std::string& name, const char* format, std::int64_t height,
                                   std::int64_t width) {
  if (height < 1 || width < 1) throw damaged(name, format, "no pixels");
  if (height > kLargestPicture || width > kLargestPicture)
    throw BadData(
        fmt::format("{}: a picture of {} x {} pixels (allowed: at most {} each way); make it smaller", name,
                    height, width, kLargestPicture));
}

/// Rows of red, green, blue triples -> three planes.
[[maybe_unused]] Picture to_planes(const std::vector<std::uint8_t>& pixels, int height, int width) {
  Picture picture{height, width, std::vector<std::uint8_t>(pixels.size())};
  const std::size_t area = pixels.size() / 3;
  for (std::size_t p = 0; p < area; ++p)
    for (std::size_t channel = 0; channel < 3; ++channel)
      picture.planes[channel * area + p] = pixels[3 * p + channel];
  return picture;
}

[[maybe_unused]] checkpoints::UsageError not_built(const std::string& name, const char* library,
                                                   const char* package) {
  return checkpoints::UsageError(fmt::format(
      "{}: this program was built without {}; install {} and build it again", name, library, package));
}

Picture decode_png(std::span<const std::uint8_t> file, const std::string& name) {
#ifdef METALEARN_PNG
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, void (*)(png_image*)> owner(&image, png_image_free);
  if (!png_image_begin_read_from_memory(&image, file.data(), file.size()))
    throw damaged(name, "PNG", image.message);
  require_size(name, "PNG", image.height, image.width);
  image.format = PNG_FORMAT_RGB;
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(image));
  const png_color black{0, 0, 0};
  if (!png_image_finish_read(&image, &black, pixels.data(), 0, nullptr))
    throw damaged(name, "PNG", image.message);
  return to_planes(pixels, static_cast<int>(image.height), static_cast<int>(image.width));
#else
  (void)file;
  throw not_built(name, "libpng", "libpng-dev");
#endif
}

Picture decode_jpeg(std::span<const std::uint8_t> file, const std::string& name) {
#ifdef METALEARN_JPEG
  const std::unique_ptr<void, int (*)(void*)> decoder(tjInitDecompress(), tjDestroy);
  if (!decoder) throw std::bad_alloc();
  int width = 0, height = 0, sampling = 0, colours = 0;
  const auto size = static_cast<unsigned long>(file.size());
  if (tjDecompressHeader3(decoder.get(), file.data(), size, &width, &height, &sampling, &colours) != 0)
    throw damaged(name, "JPEG", tjGetErrorStr2(decoder.get()));
  require_size(name, "JPEG", height, width);
  if (colours == TJCS_CMYK || colours == TJCS_YCCK)
    throw BadData(fmt::format("{}: a JPEG picture in CMYK colours; save it as RGB", name));
  std::vector<std::uint8_t> pixels(3 * static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  if (tjDecompress2(decoder.get(), file.data(), size, pixels.data(), width, 0, height, TJPF_RGB,
                    TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) != 0)
    throw damaged(name, "JPEG", tjGetErrorStr2(decoder.get()));
  return to_planes(pixels, height, width);
#else
  (void)file;
  throw not_built(name, "libjpeg-turbo", "libturbojpeg0-dev");
#endif
}

struct PictureKind {
  std::vector<std::string> extensions;  // in lower case
  std::vector<std::uint8_t> magic;      // its first bytes, which identify it
  Picture (*decode)(std::span<const std::uint8_t> file, const std::string& name);
};

const PictureKind kKinds[] = {
    {{".png"}, {0x89, 'P', 'N', 'G'}, decode_png},
    {{".jpg", ".jpeg"}, {0xff, 0xd8}, decode_jpeg},
};

}  // namespace

std::vector<std::string> picture_extensions() {
  std::vector<std::string> all;
  for (const PictureKind& kind : kKinds)
    all.insert(all.end(), kind.extensions.begin(), kind.extensions.end());
  return all;
}

Picture decode_picture(std::span<const std::uint8_t> file, const std::string& name) {
  if (file.empty()) throw BadData(fmt::format("{}: is empty; replace or remove it", name));
  for (const PictureKind& kind : kKinds)
    if (file.size() >= kind.magic.size() && std::equal(kind.magic.begin(), kind.magic.end(), file.begin()))
      return kind.decode(file, name);
  throw BadData(
      fmt::format("{}: neither a PNG nor a JPEG picture, despite its name; convert or remove it", name));
}

std::string png_library() {
#ifdef METALEARN_PNG
  return png_get_libpng_ver(nullptr);
#else
  return "not there, PNG files can't be read";
#endif
}

std::string jpeg_library() {
#ifdef METALEARN_JPEG
  return "there";  // TurboJPEG does not say its version
#else
  return "not there, JPEG files can't be read";
#endif
}

}  // namespace metalearn
