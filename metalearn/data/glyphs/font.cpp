#include "metalearn/data/glyphs/font.hpp"

#include <fmt/format.h>
#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_OUTLINE_H

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <type_traits>

namespace metalearn {
namespace {

using Library = std::unique_ptr<std::remove_pointer_t<FT_Library>, decltype(&FT_Done_FreeType)>;
using Face = std::unique_ptr<std::remove_pointer_t<FT_Face>, decltype(&FT_Done_Face)>;

constexpr FT_Pos kPixel = 64;  // FreeType's 26.6 fixed point

struct Size {
  FT_Pos width = 0, height = 0;
};

/// Loads a character's outline in font units into the face's slot. False if there is none.
bool load(FT_Face face, char character) {
  const FT_UInt index = FT_Get_Char_Index(face, static_cast<FT_ULong>(character));
  return index != 0 && FT_Load_Glyph(face, index, FT_LOAD_NO_SCALE) == 0 &&
         face->glyph->format == FT_GLYPH_FORMAT_OUTLINE && face->glyph->outline.n_points > 0;
}

FT_BBox box(FT_Outline& outline) {
  FT_BBox b;
  FT_Outline_Get_CBox(&outline, &b);
  return b;
}

Size size(FT_Outline& outline) {
  const FT_BBox b = box(outline);
  return {b.xMax - b.xMin, b.yMax - b.yMin};
}

/// Draws the outline in the slot into 28 x 28 pixels; `capital`: height of the face's H in font units. False
/// if no pixel is set.
bool draw(FT_Library library, FT_Outline& outline, FT_Pos capital, std::uint8_t* pixels) {
  const Size units = size(outline);
  // 16.16 factor from font units to 1/64 pixel: that of the capital H, or the largest at which the glyph
  // fits.
  FT_Fixed scale = FT_DivFix(kGlyphCapital * kPixel, capital);
  const FT_Pos longest = std::max(units.width, units.height);
  if (longest <= 0) return false;
  scale = std::min(scale, FT_DivFix(kGlyphLargest * kPixel, longest));
  const FT_Matrix matrix{scale, 0, 0, scale};
  FT_Outline_Transform(&outline, &matrix);
  const FT_BBox b = box(outline);
  FT_Outline_Translate(&outline, (kGlyphSide * kPixel - b.xMin - b.xMax) / 2,
                       (kGlyphSide * kPixel - b.yMin - b.yMax) / 2);
  FT_Bitmap bitmap{};
  bitmap.rows = bitmap.width = kGlyphSide;
  bitmap.pitch = kGlyphSide;  // positive: the first row is the top one
  bitmap.buffer = pixels;
  bitmap.num_grays = 256;
  bitmap.pixel_mode = FT_PIXEL_MODE_GRAY;
  if (FT_Outline_Get_Bitmap(library, &outline, &bitmap) != 0) return false;
  return std::any_of(pixels, pixels + kGlyphSide * kGlyphSide, [](std::uint8_t p) { return p > 0; });
}

FontFace draw_face(FT_Library library, FT_Face face) {
  FontFace result;
  result.family = face->family_name ? face->family_name : "unnamed";
  if (!FT_IS_SCALABLE(face)) {
    result.missing = "has no outlines";
  } else if (FT_Select_Charmap(face, FT_ENCODING_UNICODE) != 0) {
    result.missing = "has no Unicode character map";
  } else if (!load(face, 'H') || size(face->glyph->outline).height <= 0) {
    result.missing = "lacks 'H'";
  } else {
    const FT_Pos capital = size(face->glyph->outline).height;
    constexpr std::size_t kArea = kGlyphSide * kGlyphSide;
    result.pixels.assign(kGlyphs.size() * kArea, 0);
    for (std::size_t g = 0; g < kGlyphs.size() && result.missing.empty(); ++g)
      if (!load(face, kGlyphs[g]) ||
          !draw(library, face->glyph->outline, capital, result.pixels.data() + g * kArea))
        result.missing = fmt::format("lacks '{}'", kGlyphs[g]);
    if (!result.missing.empty()) result.pixels.clear();
  }
  return result;
}

}  // namespace

std::vector<FontFace> draw_font(std::span<const std::uint8_t> file) {
  FT_Library raw_library = nullptr;
  if (FT_Init_FreeType(&raw_library) != 0)
    throw std::runtime_error("[draw_font] FreeType cannot be initialised");
  const Library library(raw_library, FT_Done_FreeType);
  std::vector<FontFace> faces;
  FT_Long count = 1;
  for (FT_Long i = 0; i < count; ++i) {
    FT_Face raw_face = nullptr;
    if (FT_New_Memory_Face(library.get(), file.data(), static_cast<FT_Long>(file.size()), i, &raw_face) !=
        0) {
      faces.push_back({"", "is not a font", {}});
      continue;
    }
    const Face face(raw_face, FT_Done_Face);
    count = raw_face->num_faces;
    faces.push_back(draw_face(library.get(), raw_face));
  }
  return faces;
}

}  // namespace metalearn
