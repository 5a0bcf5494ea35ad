// Font: the 62 letters and digits of one face, drawn by FreeType as grey images.
//
// One scale per face (its capital H is kGlyphCapital pixels high), so that "c" stays smaller than "C"; each
// glyph is centred, and shrunk if it would not fit. Outlines are unhinted and placed with integer arithmetic,
// so the same file and FreeType version give the same bytes everywhere. Pure functions.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace metalearn {

inline constexpr std::string_view kGlyphs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
inline constexpr int kGlyphSide = 28;     ///< pixels
inline constexpr int kGlyphCapital = 20;  ///< pixels, height of "H"
inline constexpr int kGlyphLargest = 26;  ///< pixels, largest height or width of any glyph

struct FontFace {
  std::string family;  ///< FreeType's family name, for example "DejaVu Sans"; empty if the file is not a font
  std::string missing;  ///< why the face can't be used, empty if it can: "is not a font", "has no outlines",
                        ///< "lacks 'Q'"
  std::vector<std::uint8_t>
      pixels;  ///< 62 x 28 x 28, white on black, in the order of kGlyphs; empty if it can't be used
};

/// All faces in a font file (a collection holds several); never throws because of the file's contents.
std::vector<FontFace> draw_font(std::span<const std::uint8_t> file);

}  // namespace metalearn
