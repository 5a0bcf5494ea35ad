#include "metalearn/data/sources/load_dataset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "checkpoints/error.hpp"
#include "metalearn/base/nearest.hpp"
#include "metalearn/data/file_bytes.hpp"
#include "metalearn/data/formats/bag_of_words.hpp"
#include "metalearn/data/formats/cifar.hpp"
#include "metalearn/data/formats/idx.hpp"
#include "metalearn/data/formats/image_folder.hpp"
#include "metalearn/data/formats/imagenet.hpp"
#include "metalearn/data/formats/table.hpp"
#include "metalearn/data/glyphs/glyph.hpp"
#include "metalearn/data/synthetic/synthetic.hpp"

namespace metalearn {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKinds =
    "IDX files (train-images-idx3-ubyte ...), CIFAR-10's data_batch_1.bin ..., one .h5 file, features.npy "
    "and labels.npy, train.csv, or class folders of .png, .jpg or .txt files";

bool holds_idx(const fs::path& folder) {
  for (const char* part : {"train", "t10k"})
    for (const char* file :
         {"images-idx3-ubyte", "images.idx3-ubyte", "labels-idx1-ubyte", "labels.idx1-ubyte"})
      if (!find_file(folder, {fmt::format("{}-{}", part, file)}).empty()) return true;
  return false;
}

bool holds_cifar10(const fs::path& folder) {
  return !find_file(folder, {"test_batch.bin", "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                             "data_batch_4.bin", "data_batch_5.bin"})
              .empty();
}

/// Told from what is there, in this order, the kinds whose files have names of their own first: a table or
/// features put beside them change nothing.
Dataset read(const std::string& name, const fs::path& path, const LoadOptions& options) {
  if (holds_idx(path)) return read_idx_folder(name, path);
  if (holds_cifar10(path)) return read_cifar10_folder(name, path, options.colour);
  if (holds_csv(path)) return read_csv_table(name, path);
  if (const auto files = hdf5_files(path); files.size() == 1)
    return read_imagenet(name, files[0], options.colour);
  else if (files.size() > 1)
    throw checkpoints::UsageError(fmt::format("{}: holds {} HDF5 files; name one of them: {}={}",
                                              path.string(), files.size(), name, files[0].string()));
  require_folder(path, name);
  if (holds_npy(path)) return read_npy_table(name, path);
  if (const auto pictures = list_class_folders(path, kPictureExtensions))
    return read_image_folder(name, path, *pictures, options.colour);
  if (const auto texts = list_class_folders(path, kTextExtensions, kUnlabelledTexts))
    return read_texts(name, path, *texts, options.words);
  throw checkpoints::NoInput(fmt::format("{}: nothing that can be read for data '{}'; expected are {}",
                                         path.string(), name, kKinds));
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
    std::vector<std::string> known = {"glyph", "mnist", "fashion-mnist", "cifar10", "imagenet", "imdb"};
    if (std::find(known.begin(), known.end(), name) != known.end())
      throw checkpoints::UsageError(
          fmt::format("data '{}' needs the folder that holds its files: {}=DIR", name, name));
    const auto made = synthetic_names();
    known.insert(known.end(), made.begin(), made.end());
    throw checkpoints::UsageError(
        fmt::format("unknown data '{}' (known: glyph, {}, or NAME=DIR for a folder that holds the data){}",
                    name, fmt::join(made, ", "), did_you_mean(name, known)));
  }
  Dataset data = read(name, folder, options);
  const std::vector<std::string> clothes = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                            "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  if (name == "fashion-mnist" && data.class_names.size() == clothes.size()) data.class_names = clothes;
  return data;
}

}  // namespace

std::shared_ptr<const Dataset> load_dataset(const std::string& word, const LoadOptions& options) {
  return std::make_shared<const Dataset>(load(word, options));
}

}  // namespace metalearn
