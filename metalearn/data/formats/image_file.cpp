#include "metalearn/data/formats/image_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <new>
#include <utility>

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

/// What the segments of a JPEG before its first scan say.
struct JpegSegments {
  int orientation = 1;              ///< EXIF's, 1 to 8; 1: as it is
  std::size_t skipped = 0;          ///< bytes that belong to no segment
  std::vector<std::uint8_t> clean;  ///< the file without them, where there are any
};

/// EXIF's tag 0x0112 in the first directory of an APP1 segment's payload; 1 where it says nothing valid.
int exif_orientation(std::span<const std::uint8_t> payload) {
  constexpr std::uint8_t kExif[] = {'E', 'x', 'i', 'f', 0, 0};
  if (payload.size() < sizeof kExif || !std::equal(kExif, std::end(kExif), payload.begin())) return 1;
  const auto tiff = payload.subspan(sizeof kExif);
  if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return 1;
  // A number of `bytes` bytes; 0 beyond the end.
  const auto number = [&](std::size_t at, std::size_t bytes) {
    std::size_t value = 0;
    if (at > tiff.size() || bytes > tiff.size() - at) return value;
    for (std::size_t i = 0; i < bytes; ++i)
      value = value << 8 | tiff[at + (tiff[0] == 'M' ? i : bytes - 1 - i)];
    return value;
  };
  if (number(2, 2) != 42) return 1;
  constexpr std::size_t kEntry = 12, kOrientation = 0x112, kShort = 3;
  const std::size_t directory = number(4, 4), entries = number(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntry;
    if (number(entry, 2) != kOrientation || number(entry + 2, 2) != kShort) continue;
    const std::size_t value = number(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

/// Stops where a segment is cut off: the decoder says what is wrong with it.
[[maybe_unused]] JpegSegments read_segments(std::span<const std::uint8_t> file) {
  constexpr std::uint8_t kEnd = 0xd9, kScan = 0xda, kApp1 = 0xe1;
  JpegSegments found;
  bool has_exif = false;
  std::size_t at = 2, kept = 0;  // bytes before `kept` are in `clean` already, or were skipped
  const auto keep_up_to = [&](std::size_t end) {
    found.clean.insert(found.clean.end(), file.begin() + static_cast<std::ptrdiff_t>(kept),
                       file.begin() + static_cast<std::ptrdiff_t>(end));
    kept = end;
  };
  while (file.size() - at >= 4) {
    std::size_t marker = at;  // of 0xff, a byte that is neither 0 nor 0xff follows; more 0xff may precede it
    while (file.size() - marker >= 4 &&
           (file[marker] != 0xff || file[marker + 1] == 0 || file[marker + 1] == 0xff))
      ++marker;
    if (file.size() - marker < 4) break;
    const bool is_fill = std::all_of(file.begin() + static_cast<std::ptrdiff_t>(at),
                                     file.begin() + static_cast<std::ptrdiff_t>(marker),
                                     [](std::uint8_t byte) { return byte == 0xff; });
    if (!is_fill) {
      keep_up_to(at);
      found.skipped += marker - at;
      kept = marker;
    }
    const std::uint8_t kind = file[marker + 1];
    if (kind == kScan || kind == kEnd) break;
    const std::size_t length = static_cast<std::size_t>(file[marker + 2]) << 8 | file[marker + 3];
    if (length < 2 || length > file.size() - marker - 2) break;
    if (kind == kApp1 && !has_exif) {
      const auto payload = file.subspan(marker + 4, length - 2);
      found.orientation = exif_orientation(payload);
      has_exif = payload.size() >= 4 && payload[0] == 'E';  // Adobe's XMP is in APP1 too
    }
    at = marker + 2 + length;
  }
  if (found.skipped > 0) keep_up_to(file.size());
  return found;
}

/// As EXIF's orientation says that it is to be shown.
[[maybe_unused]] Picture turned(Picture stored, int orientation) {
  if (orientation == 1) return stored;
  const auto height = static_cast<std::size_t>(stored.height), width = static_cast<std::size_t>(stored.width);
  const bool is_transposed = orientation >= 5,
             from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7,
             from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  Picture shown = stored;
  if (is_transposed) std::swap(shown.height, shown.width);
  std::size_t to = 0;
  for (std::size_t channel = 0; channel < 3; ++channel)
    for (std::size_t y = 0; y < static_cast<std::size_t>(shown.height); ++y)
      for (std::size_t x = 0; x < static_cast<std::size_t>(shown.width); ++x) {
        std::size_t row = is_transposed ? x : y, column = is_transposed ? y : x;
        if (from_bottom) row = height - 1 - row;
        if (from_right) column = width - 1 - column;
        shown.planes[to++] = stored.planes[(channel * height + row) * width + column];
      }
  return shown;
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
  const png_color white{255, 255, 255};  // behind transparent parts
  if (!png_image_finish_read(&image, &white, pixels.data(), 0, nullptr))
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
  const JpegSegments segments = read_segments(file);
  if (segments.skipped > 0) file = segments.clean;
  const auto size = static_cast<unsigned long>(file.size());
  if (tjDecompressHeader3(decoder.get(), file.data(), size, &width, &height, &sampling, &colours) != 0)
    throw damaged(name, "JPEG", tjGetErrorStr2(decoder.get()));
  require_size(name, "JPEG", height, width);
  if (colours == TJCS_CMYK || colours == TJCS_YCCK)
    throw BadData(fmt::format("{}: a JPEG picture in CMYK colours; save it as RGB", name));
  std::vector<std::uint8_t> pixels(3 * static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  const auto decode = [&](int flags) {
    return tjDecompress2(decoder.get(), file.data(), size, pixels.data(), width, 0, height, TJPF_RGB,
                         TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS | flags) == 0;
  };
  std::size_t behind_scans = 0;
  if (!decode(TJFLAG_STOPONWARNING)) {
    const std::string reason = tjGetErrorStr2(decoder.get());
    // The first warning comes right before the end, 0xd9: all that was drawn had been read by then.
    if (reason.find("extraneous bytes before marker 0xd9") == std::string::npos)
      throw damaged(name, "JPEG", reason);
    if (!decode(0) && tjGetErrorCode(decoder.get()) != TJERR_WARNING)
      throw damaged(name, "JPEG", tjGetErrorStr2(decoder.get()));
    behind_scans = 1;
  }
  Picture picture = turned(to_planes(pixels, height, width), segments.orientation);
  picture.skipped = segments.skipped + behind_scans;
  return picture;
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
