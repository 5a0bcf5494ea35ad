#include "metalearn/data/formats/cifar.hpp"

#include <fmt/format.h>

#include <sstream>

#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"
#include "metalearn/data/colour.hpp"
#include "metalearn/data/file_bytes.hpp"
#include "metalearn/data/formats/data_format.hpp"
#include "metalearn/data/split.hpp"

namespace metalearn {
namespace {

namespace fs = std::filesystem;

constexpr int kSide = 32, kClasses = 10;
constexpr std::size_t kPlane = kSide * kSide, kRecord = 1 + 3 * kPlane;
constexpr int kFrog = 6, kShip = 8;  // labels kept for meta-validation

std::vector<std::string> class_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::istringstream lines(
      checkpoints::read_text(checkpoints::posix_file_system(), folder / "batches.meta.txt").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (names.size() != kClasses)
    names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  return names;
}

}  // namespace

void read_cifar10_file(const fs::path& path, ImageSet& set, std::vector<std::string>* provenance) {
  const FileBytes file = read_file(path);
  const std::size_t count = file.bytes.size() / kRecord;
  if (file.ends_early)
    throw checkpoints::BadData(
        fmt::format("{}: truncated: the gzip stream ends early, after {} unpacked bytes; download it again",
                    file.name, file.bytes.size()));
  if (file.bytes.empty() || file.bytes.size() % kRecord != 0)
    throw checkpoints::BadData(
        fmt::format("{}: truncated, or not the binary version of CIFAR-10: {} bytes found (a multiple of {} "
                    "expected); download it again",
                    file.name, file.bytes.size(), kRecord));
  if (provenance) provenance->push_back(file.checksum());
  set.height = set.width = kSide;
  for (std::size_t r = 0; r < count; ++r) {
    const std::uint8_t* record = file.bytes.data() + r * kRecord;
    if (record[0] >= kClasses)
      throw checkpoints::BadData(
          fmt::format("{}: record {} has label {} (allowed: 0 .. {}); the file is damaged or not the binary "
                      "version of CIFAR-10",
                      file.name, r, record[0], kClasses - 1));
    set.labels.push_back(record[0]);
    append_image(set, record + 1);
  }
}

Dataset read_cifar10_folder(const std::string& name, const fs::path& folder, bool colour) {
  require_folder(folder, name);
  Dataset data;
  data.name = name;
  data.source = folder.string();
  data.kind = "CIFAR-10 images";
  data.train.channels = data.test.channels = colour ? 3 : 1;
  data.class_names = class_names(folder);
  data.validation_classes = {kFrog, kShip};
  for (int batch = 1; batch <= 5; ++batch)
    if (const auto file = find_file(folder, {fmt::format("data_batch_{}.bin", batch)}); !file.empty())
      read_cifar10_file(file, data.train, &data.provenance);
  if (const auto file = find_file(folder, {"test_batch.bin"}); !file.empty())
    read_cifar10_file(file, data.test, &data.provenance);
  if (data.train.count() == 0 && data.test.count() == 0)
    throw checkpoints::NoInput(
        fmt::format("{}: no CIFAR-10 files for data '{}'; expected: data_batch_1.bin[.gz] to "
                    "data_batch_5.bin[.gz] or test_batch.bin[.gz]",
                    data.source, name));
  if (data.train.count() > 0) check_classes(data.train, data.class_names, data.source + " (data_batch_*)");
  if (data.test.count() > 0) check_classes(data.test, data.class_names, data.source + " (test_batch)");
  if (data.train.count() == 0 || data.test.count() == 0) {
    const ImageSet one = data.train.count() > 0 ? std::move(data.train) : std::move(data.test);
    const auto marks = hashed_split(one.labels, 5);
    data.train = take(one, marks, 0);
    data.test = take(one, marks, 1);
    data.split_note = one_part_note(one.labels, marks);
  } else {
    data.split_note = "data_batch_* files and test_batch file";
  }
  data.validation = take(data.train, marks_of(data.train.labels, data.validation_classes), 1);
  data.split_note +=
      fmt::format("; {} train, {} test; classes {} and {} are kept for meta-validation", data.train.count(),
                  data.test.count(), data.class_names[kFrog], data.class_names[kShip]);
  return data;
}

namespace {

bool holds_cifar10(const fs::path& folder) {
  return !find_file(folder, {"test_batch.bin", "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                             "data_batch_4.bin", "data_batch_5.bin"})
              .empty();
}

}  // namespace

extern const DataFormat kCifar10{
    .name = "CIFAR-10",
    .holds = "CIFAR-10's data_batch_1.bin ...",
    .layout = "the binary version: data_batch_1.bin to data_batch_5.bin, test_batch.bin, each also as .gz",
    .data_sets = {"cifar10"},
    .read = [](const std::string& name, const fs::path& path, const LoadOptions& options) {
      return holds_cifar10(path) ? std::optional(read_cifar10_folder(name, path, options.colour))
                                 : std::nullopt;
    }};

}  // namespace metalearn
