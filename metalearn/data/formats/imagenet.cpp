#include "metalearn/data/formats/imagenet.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "checkpoints/error.hpp"
#include "checkpoints/image.hpp"
#include "metalearn/base/random.hpp"
#include "metalearn/data/colour.hpp"
#include "metalearn/data/file_bytes.hpp"
#include "metalearn/data/formats/data_format.hpp"
#include "metalearn/data/split.hpp"

namespace metalearn {
namespace {

namespace fs = std::filesystem;
using checkpoints::Archive;
using checkpoints::BadData;

constexpr std::int64_t kLargestSide = 4096;  // pixels

/// The texts of an array [n] of fixed-length strings, which an archive holds as bytes [n, length].
std::vector<std::string> texts(const Archive& file, const char* path) {
  const auto& shape = file.array(path).shape;
  if (shape.size() != 2)
    throw BadData(
        fmt::format("{}: /{} is not an array of fixed-length strings; convert it", file.name(), path));
  const auto& bytes = file.numbers<std::int32_t>(path);
  std::vector<std::string> list;
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    std::string text;
    for (std::int64_t j = 0; j < shape[1]; ++j) {
      const std::int32_t byte = bytes[static_cast<std::size_t>(i * shape[1] + j)];
      if (byte == 0) break;
      text += static_cast<char>(byte);
    }
    list.push_back(checkpoints::is_proper_name(text) ? text : fmt::format("class {}", i));
  }
  return list;
}

ImageSet read_part(const Archive& file, const std::string& part, std::size_t classes, bool colour) {
  const std::string where = part + "/images";
  const auto& shape = file.array(where).shape;
  if (shape.size() != 4 || shape[0] < 1 || shape[1] != 3 || shape[2] < 1 || shape[3] < 1 ||
      shape[2] > kLargestSide || shape[3] > kLargestSide)
    throw BadData(fmt::format("{}: /{} has shape [{}] (expected: [images, 3, rows, columns]); convert it",
                              file.name(), where, fmt::join(shape, ", ")));
  const auto& numbers = file.numbers<std::int32_t>(where);
  const auto& labels = file.numbers<std::int32_t>(part + "/labels", {shape[0]});
  ImageSet set{static_cast<int>(shape[2]), static_cast<int>(shape[3]), {}, {}, colour ? 3 : 1};
  const auto size = static_cast<std::size_t>(3 * shape[2] * shape[3]);
  std::vector<std::uint8_t> image(size);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || static_cast<std::size_t>(labels[i]) >= classes)
      throw BadData(fmt::format(
          "{}: /{}/labels holds {}, but there are {} wnids; labels must be indices into /wnids, from 0",
          file.name(), part, labels[i], classes));
    for (std::size_t p = 0; p < size; ++p) {
      const std::int32_t value = numbers[i * size + p];
      if (value < 0 || value > 255)
        throw BadData(fmt::format("{}: /{} holds {} (allowed: 0 .. 255); convert it to bytes", file.name(),
                                  where, value));
      image[p] = static_cast<std::uint8_t>(value);
    }
    append_image(set, image.data());
    set.labels.push_back(labels[i]);
  }
  return set;
}

bool has_enough(const ImageSet& set, std::size_t classes) {
  const auto counts = count_classes(set, classes);
  return *std::min_element(counts.begin(), counts.end()) >= kFewestExamples;
}

/// In the order of a fixed hash, the first classes go to meta-validation and the next to reporting.
void hold_out_classes(const std::vector<std::string>& wnids, Dataset& data) {
  const std::size_t kept =
      wnids.size() < 8 ? 0 : std::clamp<std::size_t>(wnids.size() / 8, 2, kMostHeldOutClasses);
  std::vector<std::pair<std::uint64_t, int>> order;
  for (std::size_t c = 0; c < wnids.size(); ++c)
    order.emplace_back(Random(purpose("held-out class"), purpose(wnids[c])).bits64(), static_cast<int>(c));
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < 2 * kept; ++i)
    (i < kept ? data.validation_classes : data.test_classes).push_back(order[i].second);
  std::sort(data.validation_classes.begin(), data.validation_classes.end());
  std::sort(data.test_classes.begin(), data.test_classes.end());
}

}  // namespace

std::vector<fs::path> hdf5_files(const fs::path& path) {
  const auto is_hdf5 = [](const fs::path& file) {
    std::error_code ignored;
    return (file.extension() == ".h5" || file.extension() == ".hdf5") && fs::is_regular_file(file, ignored);
  };
  if (is_hdf5(path)) return {path};
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(path, error); !error && entry != fs::directory_iterator();
       entry.increment(error))
    if (is_hdf5(entry->path())) files.push_back(entry->path());
  std::sort(files.begin(), files.end());
  return files;
}

Dataset read_imagenet(const std::string& name, const fs::path& path, bool colour) {
  const Archive file = checkpoints::read_archive(path.string());
  const auto wnids = texts(file, "wnids"), words = texts(file, "class_names");
  if (wnids.size() != words.size())
    throw BadData(fmt::format("{}: /wnids holds {} strings but /class_names {}; they must correspond",
                              file.name(), wnids.size(), words.size()));
  if (wnids.size() < 2)
    throw BadData(
        fmt::format("{}: /wnids holds {} classes; a task needs at least 2", file.name(), wnids.size()));
  Dataset data;
  data.name = name;
  data.source = path.string();
  data.kind = "downsampled ImageNet in HDF5";
  data.provenance.push_back(read_file(path).checksum());
  for (std::size_t c = 0; c < wnids.size(); ++c)
    data.class_names.push_back(fmt::format("{} {}", wnids[c], words[c].substr(0, words[c].find(','))));
  data.train = read_part(file, "train", wnids.size(), colour);
  data.test = read_part(file, "val", wnids.size(), colour);
  if (data.train.height != data.test.height || data.train.width != data.test.width)
    throw BadData(
        fmt::format("{}: /train holds images of {} x {} but /val of {} x {}; they must belong together",
                    file.name(), data.train.height, data.train.width, data.test.height, data.test.width));
  if (has_enough(data.test, wnids.size())) {
    check_classes(data.train, data.class_names, fmt::format("{} (train split)", data.source));
    data.split_note = "/train and /val";
  } else {
    ImageSet one = std::move(data.train);
    one.pixels.insert(one.pixels.end(), data.test.pixels.begin(), data.test.pixels.end());
    one.labels.insert(one.labels.end(), data.test.labels.begin(), data.test.labels.end());
    check_classes(one, data.class_names, fmt::format("{} (/train and /val together)", data.source));
    const auto marks = hashed_split(one.labels, 5);
    data.train = take(one, marks, 0);
    data.test = take(one, marks, 1);
    data.split_note = fmt::format(
        "/train and /val together, as a class has fewer than {} images in /val; a fixed {} is the test split",
        kFewestExamples, split_words(one.labels, marks, 5, "fifth of each class"));
  }
  hold_out_classes(wnids, data);
  data.split_note += fmt::format("; {} train, {} test", data.train.count(), data.test.count());
  if (data.validation_classes.empty()) {
    data.split_note += "; too few classes to hold some out";
    return data;
  }
  data.validation = take(data.train, marks_of(data.train.labels, data.validation_classes), 1);
  data.split_note +=
      fmt::format("; {} classes by a fixed hash are kept for meta-validation and {} others for reporting",
                  data.validation_classes.size(), data.test_classes.size());
  return data;
}

extern const DataFormat kImageNet{.name = "ImageNet",
                                  .holds = "one .h5 file",
                                  .layout = "one HDF5 file of downsampled pictures (or give the file itself)",
                                  .data_sets = {"imagenet"},
                                  .read = [](const std::string& name, const fs::path& path,
                                             const LoadOptions& options) -> std::optional<Dataset> {
                                    const auto files = hdf5_files(path);
                                    if (files.empty()) return {};
                                    if (files.size() > 1)
                                      throw checkpoints::UsageError(fmt::format(
                                          "{}: holds {} HDF5 files; choose one of them, for example {}={}",
                                          path.string(), files.size(), name, files[0].string()));
                                    return read_imagenet(name, files[0], options.colour);
                                  }};

}  // namespace metalearn
