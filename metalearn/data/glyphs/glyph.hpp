// Glyphs: the family "glyph", 62 classes of letters and digits, one example per class from every usable font
// face.
//
// Fonts are sorted by file name. They are held out by family (the first word of the family name: "DejaVu
// Sans" and "DejaVu Serif" stay together) and by class (kHeldOutGlyphs): meta-validation has only held-out
// classes of held-out families, the test split has families that are in neither of the other splits. Pure
// functions of the files.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// Classes of meta-validation. Look-alikes are held out together, so that no twin of a held-out class is
/// trained on.
inline constexpr std::string_view kHeldOutGlyphs = "27AEKRYaekry";

/// The Debian packages whose fonts make up "glyph"; the same names as in font_packages.txt, which tools/setup
/// installs.
const std::vector<std::string>& font_packages();

/// The font files (.ttf .otf .ttc .otc .pfb .pfa) of the packages above, by Debian's record of installed
/// files (PACKAGE.list in `records`).
std::vector<std::filesystem::path> package_fonts(const std::filesystem::path& records = "/var/lib/dpkg/info");
/// The font files in a folder and below it. Throws NoInput if it is not a folder.
std::vector<std::filesystem::path> folder_fonts(const std::filesystem::path& folder);

/// Draws them all. A face that lacks any of the 62 is skipped, and provenance records it. Throws NoInput if
/// none is usable, naming packages to install; BadData if there are fewer than 20 usable faces. About a fifth
/// of the faces go to meta-validation and about a seventh to the test split, in the order of a fixed hash of
/// the family; with too few fonts a split stays empty, and split_note says so.
Dataset draw_glyphs(const std::string& name, const std::string& source,
                    std::vector<std::filesystem::path> files);

}  // namespace metalearn
