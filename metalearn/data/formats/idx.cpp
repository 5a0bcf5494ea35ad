#include "metalearn/data/formats/idx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "checkpoints/error.hpp"
#include "metalearn/data/file_bytes.hpp"
#include "metalearn/data/formats/data_format.hpp"
#include "metalearn/data/split.hpp"

namespace metalearn {
namespace {

namespace fs = std::filesystem;
using checkpoints::BadData;

constexpr std::uint32_t kImageMagic = 0x803, kLabelMagic = 0x801;
constexpr std::uint64_t kLargestSide =
    4096;  // pixels; far above any data set of this kind, and keeps sizes from overflowing

std::uint64_t word(const FileBytes& file, std::size_t index) {
  std::uint64_t value = 0;
  for (std::size_t i = 4 * index; i < 4 * index + 4; ++i) value = value << 8 | file.bytes[i];
  return value;
}

void check_header(const FileBytes& file, std::uint32_t magic, std::size_t words, const char* what) {
  if (file.bytes.size() < 4 * words)
    throw BadData(fmt::format("{}: truncated: {} bytes of header expected, {} found; download it again",
                              file.name, 4 * words, file.bytes.size()));
  if (word(file, 0) != magic)
    throw BadData(
        fmt::format("{}: not an IDX file of {}: magic number 0x{:08x} expected, 0x{:08x} found; check that "
                    "it is the right file",
                    file.name, what, magic, word(file, 0)));
}

void check_size(const FileBytes& file, std::uint64_t expected) {
  if (file.bytes.size() < expected)
    throw BadData(fmt::format("{}: truncated: {} bytes expected, {} found; download it again", file.name,
                              expected, file.bytes.size()));
  if (file.bytes.size() > expected)
    throw BadData(fmt::format("{}: too long: {} bytes expected, more found; check that it is the right file",
                              file.name, expected));
  if (file.ends_early)
    throw BadData(fmt::format("{}: truncated: the gzip stream ends early; download it again", file.name));
}

/// The part "train" or "t10k" of a folder, if present.
std::optional<ImageSet> read_part(const fs::path& folder, const std::string& part,
                                  std::vector<std::string>& provenance) {
  const fs::path images = find_file(folder, {part + "-images-idx3-ubyte", part + "-images.idx3-ubyte"});
  const fs::path labels = find_file(folder, {part + "-labels-idx1-ubyte", part + "-labels.idx1-ubyte"});
  if (images.empty() && labels.empty()) return {};
  if (images.empty())
    throw checkpoints::NoInput(
        fmt::format("{}: {}-images-idx3-ubyte[.gz] is missing, which belongs to {}; add it", folder.string(),
                    part, labels.filename().string()));
  if (labels.empty())
    throw checkpoints::NoInput(
        fmt::format("{}: {}-labels-idx1-ubyte[.gz] is missing, which belongs to {}; add it", folder.string(),
                    part, images.filename().string()));
  return read_idx(images, labels, &provenance);
}

/// Replaces labels by their rank among all labels of the set; returns the class names.
std::vector<std::string> renumber(const std::vector<ImageSet*>& parts) {
  std::set<std::int32_t> known;
  for (const ImageSet* part : parts) known.insert(part->labels.begin(), part->labels.end());
  const std::vector<std::int32_t> order(known.begin(), known.end());
  for (ImageSet* part : parts)
    for (std::int32_t& label : part->labels)
      label = static_cast<std::int32_t>(std::lower_bound(order.begin(), order.end(), label) - order.begin());
  std::vector<std::string> names;
  for (std::int32_t label : order) names.push_back(std::to_string(label));
  return names;
}

}  // namespace

ImageSet read_idx(const fs::path& image_path, const fs::path& label_path,
                  std::vector<std::string>* provenance) {
  FileBytes images = read_file(image_path);
  check_header(images, kImageMagic, 4, "images");
  const std::uint64_t count = word(images, 1), rows = word(images, 2), columns = word(images, 3);
  if (rows == 0 || columns == 0 || rows > kLargestSide || columns > kLargestSide)
    throw BadData(
        fmt::format("{}: damaged header: images of {} x {} pixels (allowed: 1 .. {}); download it again",
                    images.name, rows, columns, kLargestSide));
  check_size(images, 16 + count * rows * columns);

  const FileBytes labels = read_file(label_path);
  check_header(labels, kLabelMagic, 2, "labels");
  check_size(labels, 8 + word(labels, 1));
  if (word(labels, 1) != count)
    throw BadData(fmt::format("{} holds {} images but {} holds {} labels; they must belong together",
                              images.name, count, labels.name, word(labels, 1)));
  if (count == 0)
    throw BadData(fmt::format("{}: holds no images; check that it is the right file", images.name));

  if (provenance) provenance->insert(provenance->end(), {images.checksum(), labels.checksum()});
  ImageSet set{static_cast<int>(rows), static_cast<int>(columns), {}, {}};
  images.bytes.erase(images.bytes.begin(), images.bytes.begin() + 16);
  set.pixels = std::move(images.bytes);
  set.labels.assign(labels.bytes.begin() + 8, labels.bytes.end());
  return set;
}

Dataset read_idx_folder(const std::string& name, const fs::path& folder) {
  require_folder(folder, name);
  Dataset data;
  data.name = name;
  data.source = folder.string();
  data.kind = "IDX images";
  auto train = read_part(folder, "train", data.provenance), test = read_part(folder, "t10k", data.provenance);
  if (!train && !test)
    throw checkpoints::NoInput(
        fmt::format("{}: no IDX files for data '{}'; expected: train-images-idx3-ubyte[.gz] and "
                    "train-labels-idx1-ubyte[.gz], or t10k-...",
                    folder.string(), name));
  if (train && test) {
    data.class_names = renumber({&*train, &*test});
    if (train->height != test->height || train->width != test->width)
      throw BadData(
          fmt::format("{}: train images are {} x {} but t10k images {} x {}; they must belong together",
                      data.source, train->height, train->width, test->height, test->width));
  } else {
    if (!train) train = std::exchange(test, std::nullopt);
    data.class_names = renumber({&*train});
  }
  split_parts(data, std::move(*train), std::move(test),
              {"train", "t10k", "train-* files and t10k-* files", "images"});
  return data;
}

namespace {

bool holds_idx(const fs::path& folder) {
  for (const char* part : {"train", "t10k"})
    for (const char* file :
         {"images-idx3-ubyte", "images.idx3-ubyte", "labels-idx1-ubyte", "labels.idx1-ubyte"})
      if (!find_file(folder, {fmt::format("{}-{}", part, file)}).empty()) return true;
  return false;
}

}  // namespace

extern const DataFormat kIdx{.name = "IDX",
                             .holds = "IDX files (train-images-idx3-ubyte ...)",
                             .layout =
                                 "files named as MNIST's: train-images-idx3-ubyte, train-labels-idx1-ubyte, "
                                 "t10k-..., each also as .gz",
                             .data_sets = {"mnist", "fashion-mnist"},
                             .read = [](const std::string& name, const fs::path& path, const LoadOptions&) {
                               return holds_idx(path) ? std::optional(read_idx_folder(name, path))
                                                      : std::nullopt;
                             }};

}  // namespace metalearn
