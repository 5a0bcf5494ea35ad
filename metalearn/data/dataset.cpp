#include "metalearn/data/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "checkpoints/error.hpp"
#include "metalearn/data/cifar.hpp"
#include "metalearn/data/glyph.hpp"
#include "metalearn/data/idx.hpp"
#include "metalearn/nearest.hpp"

namespace metalearn {
namespace {

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
    throw checkpoints::UsageError(fmt::format("unknown data '{}' (known: glyph, mnist=DIR, fashion-mnist=DIR, cifar10=DIR, or NAME=DIR for a folder of IDX files){}", name,
                                              did_you_mean(name, known)));
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
