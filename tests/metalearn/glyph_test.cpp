// These tests draw the fonts of the packages that tools/setup installs.
#include "metalearn/data/glyphs/glyph.hpp"
#include "metalearn/data/sources/load_dataset.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "data_fixture.hpp"
#include "metalearn/data/glyphs/font.hpp"
#include "metalearn/data/split.hpp"

using namespace metalearn;
using namespace fixture;
namespace fs = std::filesystem;

namespace {

fs::path installed(const std::string& file) {
  const auto files = package_fonts();
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const fs::path& path) { return path.filename() == file; });
  REQUIRE_MESSAGE(found != files.end(), file << " is not installed; run tools/setup");
  return *found;
}

Bytes read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes((std::istreambuf_iterator<char>(in)), {});
}

struct Extent {
  int top = kGlyphSide, bottom = -1, left = kGlyphSide, right = -1;
};

Extent extent(const FontFace& face, char character) {
  const std::uint8_t* image = face.pixels.data() + kGlyphs.find(character) * kGlyphSide * kGlyphSide;
  Extent e;
  for (int r = 0; r < kGlyphSide; ++r)
    for (int c = 0; c < kGlyphSide; ++c)
      if (image[r * kGlyphSide + c] > 0) {
        e.top = std::min(e.top, r);
        e.bottom = std::max(e.bottom, r);
        e.left = std::min(e.left, c);
        e.right = std::max(e.right, c);
      }
  return e;
}

}  // namespace

TEST_CASE("the list of font packages that set-up installs is the list that glyph uses") {
  std::ifstream file(METALEARN_SOURCE "/metalearn/data/glyphs/font_packages.txt");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  CHECK(lines == font_packages());
}

TEST_CASE("a face is drawn centred, upright, its capitals 20 pixels high and small letters smaller") {
  const auto faces = draw_font(read(installed("DejaVuSans.ttf")));
  REQUIRE(faces.size() == 1);
  const FontFace& face = faces[0];
  CHECK(face.family == "DejaVu Sans");
  CHECK(face.missing == "");
  REQUIRE(face.pixels.size() == 62 * 28 * 28);
  CHECK(*std::max_element(face.pixels.begin(), face.pixels.end()) == 255);
  for (char c : kGlyphs) {
    CAPTURE(c);
    const Extent e = extent(face, c);
    CHECK(std::abs(e.top - (kGlyphSide - 1 - e.bottom)) <= 1);
    CHECK(std::abs(e.left - (kGlyphSide - 1 - e.right)) <= 1);
    CHECK(e.bottom - e.top + 1 <= kGlyphLargest);
  }
  const Extent h = extent(face, 'H'), x = extent(face, 'x');
  CHECK(h.bottom - h.top + 1 == kGlyphCapital);
  CHECK(x.bottom - x.top + 1 < kGlyphCapital - 3);
  // An L has its ink at the left and at the bottom: neither mirrored nor upside down.
  const std::uint8_t* l = face.pixels.data() + kGlyphs.find('L') * 28 * 28;
  const Extent el = extent(face, 'L');
  CHECK(l[(el.bottom - 1) * 28 + el.right - 1] > 128);
  CHECK(l[(el.top + 1) * 28 + el.left + 1] > 128);
  CHECK(l[(el.top + 1) * 28 + el.right - 1] == 0);
}

TEST_CASE("what is no font, or lacks a letter, is said to be so") {
  const auto text = draw_font(Bytes{'h', 'e', 'l', 'l', 'o'});
  REQUIRE(text.size() == 1);
  CHECK(text[0].missing == "is not a font");
  CHECK(draw_font({}).at(0).missing == "is not a font");
  const auto initials = draw_font(read(installed("LinLibertine_I.otf")));
  CHECK(initials.at(0).missing == "lacks 'a'");
  CHECK(initials.at(0).pixels.empty());
}

TEST_CASE(
    "glyph holds fonts out by family and classes by name, with 20 examples of every class in every split") {
  const auto data = load_dataset("glyph");
  CHECK(data->class_names.size() == 62);
  CHECK(data->class_names[10] == "A");
  check_classes(data->train, data->class_names, "train");
  check_classes(data->test, data->class_names, "test");
  REQUIRE(data->validation_classes.size() == kHeldOutGlyphs.size());
  const auto counts = count_classes(data->validation, 62);
  for (int c = 0; c < 62; ++c) {
    const bool kept = std::find(data->validation_classes.begin(), data->validation_classes.end(), c) !=
                      data->validation_classes.end();
    CHECK(kept ==
          (kHeldOutGlyphs.find(data->class_names[static_cast<std::size_t>(c)][0]) != std::string_view::npos));
    CHECK((kept ? counts[static_cast<std::size_t>(c)] >= kFewestExamples
                : counts[static_cast<std::size_t>(c)] == 0));
  }
  CHECK(data->provenance.size() >= 300);
  CHECK(std::is_sorted(data->provenance.begin(),
                       std::find_if(data->provenance.begin(), data->provenance.end(),
                                    [](const auto& l) { return contains(l, " skipped: "); }),
                       [](const auto& a, const auto& b) {
                         return a.substr(0, a.find(" crc32 ")) < b.substr(0, b.find(" crc32 "));
                       }));
  std::map<std::string, std::set<std::string>> splits;  // of a file name's first letters
  for (const std::string& line : data->provenance)
    for (const char* family : {"DejaVu", "Lato-", "Roboto", "LinBiolinum", "FreeS", "Cabin"})
      if (line.rfind(family, 0) == 0 && !contains(line, " skipped: "))
        splits[family].insert(line.substr(line.rfind(' ') + 1));
  CHECK(splits.size() == 6);
  for (const auto& [family, names] : splits) {
    CAPTURE(family);
    CHECK(names.size() == 1);
  }
}

TEST_CASE(
    "glyph=DIR takes the fonts in and below a folder, sorted by file name, and skips those it can't use") {
  const TempFolder folder;
  fs::create_directories(folder / "below/further");
  const Bytes font = read(installed("DejaVuSans.ttf"));
  for (int i = 0; i < 22; ++i)
    write(folder /
              (i % 2 ? "below/further/" + std::to_string(10 + i) + ".ttf" : std::to_string(10 + i) + ".TTF"),
          font);
  write(folder / "broken.otf", {1, 2, 3});
  write(folder / "notes.txt", {1, 2, 3});
  fs::copy_file(installed("LinLibertine_I.otf"), folder / "initials.otf");
  const auto data = load_dataset("glyph=" + folder.string());
  CHECK(data->train.count() == 22 * 62);
  CHECK(data->test.count() == 0);  // all of one family: nothing to hold out
  REQUIRE(data->provenance.size() == 24);
  CHECK(data->provenance[0].rfind("10.TTF crc32 ", 0) == 0);
  CHECK(data->provenance[1].rfind("11.ttf crc32 ", 0) == 0);
  CHECK(contains(data->provenance[22], "broken.otf"));
  CHECK(contains(data->provenance[22], "skipped: is not a font"));
  CHECK(contains(data->provenance[23], "skipped: lacks 'a'"));
}

TEST_CASE("a folder without a usable font, or with too few, is refused with the fix") {
  const TempFolder folder;
  std::string message;
  CHECK(exit_code([&] { load_dataset("glyph=" + folder.string()); }, message) == 66);
  CHECK_MESSAGE(contains(message, "no usable font"), message);
  CHECK_MESSAGE(contains(message, "fonts-dejavu-core"), message);
  write(folder / "broken.ttf", {1, 2, 3});
  CHECK(exit_code([&] { load_dataset("glyph=" + folder.string()); }, message) == 66);
  fs::copy_file(installed("DejaVuSans.ttf"), folder / "a.ttf");
  CHECK(exit_code([&] { load_dataset("glyph=" + folder.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "1 usable fonts found"), message);
  CHECK(package_fonts(folder.string()).empty());
}
