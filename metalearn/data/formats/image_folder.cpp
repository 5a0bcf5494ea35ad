#include "metalearn/data/formats/image_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "checkpoints/error.hpp"
#include "metalearn/data/colour.hpp"
#include "metalearn/data/formats/data_format.hpp"
#include "metalearn/data/formats/image_file.hpp"
#include "metalearn/data/split.hpp"

namespace metalearn {
namespace {

/// Reads the pictures of a part, all of the size of the first one (`set` may have that size already).
/// `is_grey` becomes false at the first coloured one; `patched` are those with bytes that were skipped.
void read_part(const std::vector<ClassFile>& files, PartReader& reader, std::string& first, bool& is_grey,
               ImageSet& set, std::vector<std::uint64_t>& keys, std::vector<std::string>& patched) {
  for (const ClassFile& example : files) {
    const FileBytes file = reader.read(example.path);
    const Picture picture = decode_picture(file.bytes, file.name);
    if (first.empty()) {
      first = file.name;
      set.height = picture.height;
      set.width = picture.width;
    }
    if (picture.height != set.height || picture.width != set.width)
      throw checkpoints::BadData(
          fmt::format("{}: {} x {} pixels, but {} has {} x {}; scale all pictures to one size", file.name,
                      picture.height, picture.width, first, set.height, set.width));
    const auto area = static_cast<std::ptrdiff_t>(picture.planes.size() / 3);
    const auto red = picture.planes.begin(), green = red + area, blue = green + area;
    is_grey = is_grey && std::equal(red, green, green) && std::equal(red, green, blue);
    append_image(set, picture.planes.data());
    if (picture.skipped > 0) patched.push_back(file.name);
    keys.push_back(example_key(file.bytes));
    set.labels.push_back(example.label);
  }
}

/// Keeps only the first channel.
void keep_one_channel(ImageSet& set) {
  const auto area = static_cast<std::ptrdiff_t>(set.height) * set.width;
  for (std::int64_t i = 1; i < set.count(); ++i)
    std::copy_n(set.pixels.begin() + 3 * i * area, area, set.pixels.begin() + i * area);
  set.pixels.resize(static_cast<std::size_t>(set.count() * area));
  set.channels = 1;
}

}  // namespace

Dataset read_image_folder(const std::string& name, const std::filesystem::path& folder,
                          const ClassFolders& found, bool colour) {
  Dataset data;
  data.name = name;
  data.source = folder.string();
  data.kind = "pictures in class folders";
  data.class_names = found.class_names;
  std::string first;
  bool is_grey = true;
  std::vector<std::string> patched;
  ImageSet train;
  train.channels = colour ? 3 : 1;
  std::vector<std::uint64_t> keys, test_keys;
  PartReader train_reader;
  read_part(found.train, train_reader, first, is_grey, train, keys, patched);
  data.provenance.push_back(train_reader.checksum("train"));
  std::optional<ImageSet> test;
  if (found.test) {
    test.emplace().channels = train.channels;
    test->height = train.height;
    test->width = train.width;
    PartReader test_reader;
    read_part(*found.test, test_reader, first, is_grey, *test, test_keys, patched);
    data.provenance.push_back(test_reader.checksum("test"));
  }
  if (colour && is_grey) {
    keep_one_channel(train);
    if (test) keep_one_channel(*test);
  }
  split_parts(data, std::move(train), std::move(test), {"train", "test", found.both, "pictures"},
              std::move(keys));
  data.notes = found.notes;
  if (!patched.empty())
    data.notes.push_back(
        fmt::format("{}: {} JPEG files hold extraneous bytes before a marker, which are skipped "
                    "(the first one is {})",
                    data.source, patched.size(), patched.front()));
  return data;
}

extern const DataFormat kPictures{.name = "pictures",
                                  .holds = "class folders of .png or .jpg files",
                                  .layout =
                                      "a folder of .png or .jpg files for each class, or folders train and "
                                      "test (or val) that hold such folders",
                                  .read = [](const std::string& name, const std::filesystem::path& path,
                                             const LoadOptions& options) -> std::optional<Dataset> {
                                    const auto found = list_class_folders(path, picture_extensions());
                                    if (!found) return {};
                                    return read_image_folder(name, path, *found, options.colour);
                                  }};

}  // namespace metalearn
