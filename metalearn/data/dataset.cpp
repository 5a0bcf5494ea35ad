#include "metalearn/data/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "checkpoints/error.hpp"
#include "metalearn/data/cifar.hpp"
#include "metalearn/data/glyph.hpp"
#include "metalearn/data/idx.hpp"

namespace metalearn {
namespace {

/// Letters to insert, remove or change to make b of a (Levenshtein).
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

Dataset load(const std::string& word) {
  const auto equals = word.find('=');
  const std::string name = word.substr(0, equals), folder = equals == std::string::npos ? "" : word.substr(equals + 1);
  if (name.empty() || (equals != std::string::npos && folder.empty()))
    throw checkpoints::UsageError(fmt::format("data '{}' is not of the form NAME or NAME=DIR, for example mnist=DIR", word));
  if (name == "glyph") {
    if (folder.empty()) return draw_glyphs(name, "installed font packages", package_fonts());
    return draw_glyphs(name, folder, folder_fonts(folder));
  }
  if (folder.empty()) {
    const std::vector<std::string> known = {"glyph", "mnist", "fashion-mnist", "cifar10"};
    if (std::find(known.begin(), known.end(), name) != known.end())
      throw checkpoints::UsageError(fmt::format("data '{}' needs the folder that holds its files: {}=DIR", name, name));
    const auto nearest = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) { return edit_distance(name, a) < edit_distance(name, b); });
    throw checkpoints::UsageError(
        fmt::format("unknown data '{}'; did you mean '{}'? Known: glyph, mnist=DIR, fashion-mnist=DIR, cifar10=DIR, or NAME=DIR for a folder of IDX files", name, *nearest));
  }
  if (name == "cifar10") return read_cifar10_folder(name, folder);
  Dataset data = read_idx_folder(name, folder);
  const std::vector<std::string> clothes = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};
  if (name == "fashion-mnist" && data.class_names.size() == clothes.size()) data.class_names = clothes;
  return data;
}

}  // namespace

std::shared_ptr<const Dataset> load_dataset(const std::string& word) { return std::make_shared<const Dataset>(load(word)); }

}  // namespace metalearn
