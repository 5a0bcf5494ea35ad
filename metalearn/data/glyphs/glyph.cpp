#include "metalearn/data/glyphs/glyph.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "checkpoints/error.hpp"
#include "metalearn/base/random.hpp"
#include "metalearn/data/file_bytes.hpp"
#include "metalearn/data/glyphs/font.hpp"
#include "metalearn/data/split.hpp"

namespace metalearn {
namespace {

namespace fs = std::filesystem;

enum Split : char { kTrain, kValidation, kTest };
constexpr const char* kSplitNames[] = {"train", "validation", "test"};

struct Drawn {
  std::string file;   ///< file name and checksum
  std::string group;  ///< fonts that are held out together
  std::vector<std::uint8_t> pixels;
};

/// "DejaVu Sans" -> "deja", "OpenDyslexicMono" -> "open". Groups may be too large, so that no relative of a
/// held-out font is trained on.
std::string first_word(const std::string& family) {
  std::string word;
  bool lower = false;
  for (unsigned char c : family) {
    if (!word.empty() && (std::isspace(c) || (lower && std::isupper(c)))) break;
    lower = std::islower(c);
    if (!std::isspace(c)) word += static_cast<char>(std::tolower(c));
  }
  return word;
}

/// Families in the order of their hashes fill meta-validation (a fifth of the faces, 20 at least), then the
/// test split (a seventh, 20 at least); a family is skipped if it would make a split more than twice its
/// size, or leave less than half of the faces (20 at least) for training.
std::map<std::string, Split> split_families(const std::vector<Drawn>& fonts) {
  std::map<std::string, std::int64_t> sizes;
  for (const Drawn& font : fonts) ++sizes[font.group];
  std::vector<std::pair<std::uint64_t, std::string>> order;
  std::map<std::string, Split> splits;
  for (const auto& [group, size] : sizes) {
    order.emplace_back(Random(purpose("font family"), purpose(group)).bits64(), group);
    splits[group] = kTrain;
  }
  std::sort(order.begin(), order.end());
  const auto total = static_cast<std::int64_t>(fonts.size());
  std::int64_t left = total;
  for (const auto& [split, wanted] : {std::pair{kValidation, std::max(kFewestExamples, total / 5)},
                                      std::pair{kTest, std::max(kFewestExamples, total / 7)}}) {
    std::int64_t have = 0;
    std::vector<std::string> taken;
    for (const auto& [hash, group] : order) {
      const std::int64_t size = sizes[group];
      if (have >= wanted || splits[group] != kTrain || have + size > 2 * wanted ||
          left - have - size < std::max(kFewestExamples, total / 2))
        continue;
      have += size;
      taken.push_back(group);
    }
    if (have < kFewestExamples) continue;
    left -= have;
    for (const std::string& group : taken) splits[group] = split;
  }
  return splits;
}

void add(const Drawn& font, ImageSet& set, std::string_view classes) {
  constexpr std::size_t kArea = kGlyphSide * kGlyphSide;
  set.height = set.width = kGlyphSide;
  for (std::size_t g = 0; g < kGlyphs.size(); ++g) {
    if (classes.find(kGlyphs[g]) == std::string_view::npos) continue;
    const auto image = font.pixels.begin() + static_cast<std::ptrdiff_t>(g * kArea);
    set.pixels.insert(set.pixels.end(), image, image + kArea);
    set.labels.push_back(static_cast<std::int32_t>(g));
  }
}

}  // namespace

Dataset draw_glyphs(const std::string& name, const std::string& source, std::vector<fs::path> files) {
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return std::pair(a.filename(), a) < std::pair(b.filename(), b);
  });
  Dataset data;
  data.name = name;
  data.source = source;
  data.kind = "glyphs drawn from fonts";
  std::vector<Drawn> fonts;
  std::vector<std::string> skipped;
  for (const fs::path& path : files) {
    const FileBytes file = read_file(path);
    for (FontFace& face : draw_font(file.bytes)) {
      const std::string label = fmt::format("{} {}", file.checksum(), face.family);
      if (face.missing.empty())
        fonts.push_back({label, first_word(face.family), std::move(face.pixels)});
      else
        skipped.push_back(fmt::format("{} skipped: {}", label, face.missing));
    }
  }
  if (fonts.empty())
    throw checkpoints::NoInput(
        fmt::format("{}: no usable font for data '{}' ({} font files found, none with all of A-Z a-z 0-9); "
                    "run tools/setup or install Debian's {}",
                    source, name, files.size(), fmt::join(font_packages(), " ")));
  if (static_cast<std::int64_t>(fonts.size()) < kFewestExamples)
    throw checkpoints::BadData(
        fmt::format("{}: fewer than {} examples in a class of data '{}' ({} usable fonts found); add fonts",
                    source, kFewestExamples, name, fonts.size()));

  for (std::size_t g = 0; g < kGlyphs.size(); ++g) {
    data.class_names.emplace_back(1, kGlyphs[g]);
    if (kHeldOutGlyphs.find(kGlyphs[g]) != std::string_view::npos)
      data.validation_classes.push_back(static_cast<int>(g));
  }
  const auto splits = split_families(fonts);
  std::int64_t faces[3] = {}, families[3] = {};
  for (const auto& [group, split] : splits) ++families[split];
  for (const Drawn& font : fonts) ++faces[splits.at(font.group)];
  // Each drawn font is freed once it is copied, so that memory never holds the pixels three times.
  for (const auto& [split, set] : {std::pair{kTrain, &data.train}, std::pair{kValidation, &data.validation},
                                   std::pair{kTest, &data.test}})
    set->pixels.reserve(static_cast<std::size_t>(faces[split]) * kGlyphs.size() * kGlyphSide * kGlyphSide);
  for (Drawn& font : fonts) {
    const Split split = splits.at(font.group);
    if (split == kTrain) add(font, data.train, kGlyphs);
    if (split == kValidation) add(font, data.validation, kHeldOutGlyphs);
    if (split == kTest) add(font, data.test, kGlyphs);
    data.provenance.push_back(fmt::format("{} {}", font.file, kSplitNames[split]));
    std::vector<std::uint8_t>().swap(font.pixels);
  }
  data.provenance.insert(data.provenance.end(), skipped.begin(), skipped.end());
  data.split_note = fmt::format(
      "fonts by a fixed hash of the family: {} faces of {} families train, {} of {} meta-validation (classes "
      "{} only), {} of {} test",
      faces[kTrain], families[kTrain], faces[kValidation], families[kValidation], kHeldOutGlyphs,
      faces[kTest], families[kTest]);
  return data;
}

}  // namespace metalearn
