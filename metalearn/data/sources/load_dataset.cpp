#include "metalearn/data/sources/load_dataset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "checkpoints/error.hpp"
#include "metalearn/base/nearest.hpp"
#include "metalearn/data/constant_inputs.hpp"
#include "metalearn/data/file_bytes.hpp"
#include "metalearn/data/formats/data_format.hpp"
#include "metalearn/data/glyphs/glyph.hpp"
#include "metalearn/data/synthetic/synthetic.hpp"

namespace metalearn {

extern const DataFormat kIdx, kCifar10, kCsv, kImageNet, kNpy, kPictures, kTexts;

std::span<const DataFormat* const> data_formats() {
  // Formats with fixed file names come first: a table or features next to such files change nothing.
  static constexpr const DataFormat* kFormats[] = {
      &kIdx, &kCifar10, &kCsv, &kImageNet, &kNpy, &kPictures, &kTexts,
  };
  return kFormats;
}

namespace {

namespace fs = std::filesystem;

Dataset read(const std::string& name, const fs::path& path, const LoadOptions& options) {
  for (const DataFormat* format : data_formats())
    if (auto data = format->read(name, path, options)) return std::move(*data);
  require_folder(path, name);
  std::vector<std::string> expected;
  for (const DataFormat* format : data_formats()) expected.emplace_back(format->holds);
  throw checkpoints::NoInput(fmt::format("{}: no readable data for '{}'; expected: {}", path.string(), name,
                                         fmt::join(expected, ", or ")));
}

Dataset load(const std::string& word, const LoadOptions& options) {
  const auto equals = word.find('=');
  const std::string name = word.substr(0, equals),
                    folder = equals == std::string::npos ? "" : word.substr(equals + 1);
  if (name.empty() || (equals != std::string::npos && folder.empty()))
    throw checkpoints::UsageError(
        fmt::format("data '{}' is not of the form NAME or NAME=DIR, for example mnist=DIR", word));
  if (name == "glyph") {
    if (folder.empty()) return draw_glyphs(name, "installed font packages", package_fonts());
    return draw_glyphs(name, folder, folder_fonts(folder));
  }
  if (folder.empty()) {
    if (auto made = synthetic_family(name)) return std::move(*made);
    std::vector<std::string> known = {"glyph"};
    for (const DataFormat* format : data_formats())
      known.insert(known.end(), format->data_sets.begin(), format->data_sets.end());
    if (std::find(known.begin(), known.end(), name) != known.end())
      throw checkpoints::UsageError(
          fmt::format("data '{}' needs the folder that holds its files: {}=DIR", name, name));
    const auto made = synthetic_names();
    known.insert(known.end(), made.begin(), made.end());
    throw checkpoints::UsageError(
        fmt::format("unknown data '{}' (allowed: glyph, {}, or NAME=DIR for a folder that holds the data){}",
                    name, fmt::join(made, ", "), did_you_mean(name, known)));
  }
  Dataset data = read(name, folder, options);
  const std::vector<std::string> clothes = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                            "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  if (name == "fashion-mnist" && data.class_names.size() == clothes.size()) data.class_names = clothes;
  require_varying_inputs(data);
  return data;
}

}  // namespace

std::shared_ptr<const Dataset> load_dataset(const std::string& word, const LoadOptions& options) {
  return std::make_shared<const Dataset>(load(word, options));
}

}  // namespace metalearn
