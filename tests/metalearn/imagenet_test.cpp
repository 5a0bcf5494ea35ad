#include "metalearn/data/formats/imagenet.hpp"
#include "metalearn/data/sources/load_dataset.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "data_fixture.hpp"

using namespace metalearn;
using namespace fixture;

namespace {

/// Makes FOLDER/small.h5 with h5py: 24 classes, image i of a part is (label, i mod 256, 7); `change` is
/// Python run on the open file f.
std::string make(const TempFolder& folder, int train, int val, const std::string& change = "") {
  const std::string path = (folder / "small.h5").string();
  std::ofstream(folder / "make.py") << "import h5py, numpy as np\nf = h5py.File('" << path
                                    << "', 'w')\nC = 24\n"
                                    << "for part, n in (('train', " << train << "), ('val', " << val
                                    << ")):\n"
                                    << R"(    labels = np.arange(C * n) % C
    images = np.zeros((C * n, 3, 5, 4), 'u1')
    images[:, 0], images[:, 1] = labels[:, None, None], (np.arange(C * n) % 256)[:, None, None]
    images[:, 2] = 7
    f.create_dataset(part + '/images', data=images, compression='gzip', compression_opts=9,
                     chunks=(16, 3, 5, 4))
    f[part + '/labels'] = labels.astype('u1')
    f[part + '/source_number'] = np.arange(C * n, dtype='u2')
f['wnids'] = np.array(['n%08d' % (11 * i) for i in range(C)], 'S9')
f['class_names'] = np.array(['thing %d, other name' % i for i in range(C)], 'S128')
)" << change << "\nf.close()\n";
  REQUIRE(std::system(("/usr/bin/python3 '" + (folder / "make.py").string() + "'").c_str()) == 0);
  return path;
}

bool holds(const std::vector<int>& classes, int c) {
  return std::find(classes.begin(), classes.end(), c) != classes.end();
}

}  // namespace

TEST_CASE("an HDF5 file of downsampled ImageNet is read, grey or in colour, with held-out classes") {
  const TempFolder folder;
  make(folder, 30, 20);
  const auto data = load_dataset("imagenet=" + folder.string()),
             colour = load_dataset("imagenet=" + folder.string(), {.colour = true});
  CHECK(data->kind == "downsampled ImageNet in HDF5");
  CHECK(data->class_names.size() == 24);
  CHECK(data->class_names[2] == "n00000022 thing 2");
  CHECK(data->train.count() == 24 * 30);
  CHECK(data->test.count() == 24 * 20);
  CHECK(data->train.height == 5);
  CHECK(data->train.width == 4);
  CHECK(data->split_note.find("/train and /val; ") == 0);
  CHECK(colour->train.channels == 3);
  const std::size_t i = 100;
  CHECK(colour->train.pixels[i * 60] == 100 % 24);
  CHECK(colour->train.pixels[i * 60 + 20] == 100);
  CHECK(colour->train.pixels[i * 60 + 40] == 7);
  CHECK(data->train.pixels[i * 20] == (299 * (100 % 24) + 587 * 100 + 114 * 7 + 500) / 1000);

  CHECK(data->validation_classes.size() == 3);
  CHECK(data->test_classes.size() == 3);
  for (int c : data->validation_classes) CHECK_FALSE(holds(data->test_classes, c));
  CHECK(data->validation.count() == 3 * 30);
  for (std::int32_t label : data->validation.labels) CHECK(holds(data->validation_classes, label));
  CHECK(load_dataset("other=" + (folder / "small.h5").string())->test_classes == data->test_classes);
}

TEST_CASE("where /val is too small both parts are split anew") {
  const TempFolder folder;
  make(folder, 100, 10);
  const auto data = load_dataset("imagenet=" + folder.string());
  CHECK(data->train.count() == 24 * 88);
  CHECK(data->test.count() == 24 * 22);
  // Few of both, as of any set of one part: all of a class together are 20 at least, and half of them are for
  // the test.
  make(folder, 20, 5);
  const auto few = load_dataset("imagenet=" + folder.string());
  CHECK(few->train.count() == 24 * 13);
  CHECK(few->test.count() == 24 * 12);
  CHECK(few->split_note.find("(at least 20, or half of a small class)") != std::string::npos);
  std::string message;
  make(folder, 14, 5);
  CHECK(exit_code([&] { load_dataset("imagenet=" + folder.string()); }, message) == 65);
  CHECK_MESSAGE(
      contains(message,
               "(/train and /val together): fewer than 20 examples in class 'n00000000 thing 0' (19 found)"),
      message);
}

TEST_CASE("an HDF5 file of another layout, or damaged, is refused by the array that is wrong") {
  struct Row {
    const char* change;
    const char* says;
  };
  const Row rows[] = {
      {"del f['train/images']", "train/images"},
      {"del f['wnids']", "wnids"},
      {"del f['wnids']; f['wnids'] = np.array(['a'] * 23, 'S9')",
       "/wnids holds 23 strings but /class_names 24"},
      {"f['val/labels'][3] = 24", "/val/labels holds 24, but there are 24 wnids"},
      {"del f['val/labels']; f['val/labels'] = np.zeros(3, 'u1')", "val/labels"},
      {"del f['val/images']; f['val/images'] = np.zeros((480, 5, 4), 'u1')",
       "/val/images has shape [480, 5, 4]"},
      {"del f['val/images']; f['val/images'] = np.zeros((480, 3, 5, 5), 'u1')",
       "images of 5 x 4 but /val of 5 x 5"},
      {"del f['val/images']; f['val/images'] = np.full((480, 3, 5, 4), 256, 'i4')", "/val/images holds 256"},
      {"del f['val/images']; f['val/images'] = np.zeros((480, 3, 5, 4), 'f4')", "val/images"},
      {"f['train/labels'][f['train/labels'][()] == 5] = 6",
       "(train split): fewer than 20 examples in class 'n00000055 thing 5' (0 found)"},
      {"f['val/link'] = h5py.ExternalLink('elsewhere.h5', '/x')", "link to outside"},
      {"f['val/soft'] = h5py.SoftLink('/val/images')", "soft link"},
      {"f.create_dataset('x', (4,), 'i4', external=[('elsewhere', 0, 16)])", "such files are not supported"},
      {"f['words'] = 'text of variable length'", "such files are not supported"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.change);
    const TempFolder folder;
    const std::string path = make(folder, 30, 20, row.change);
    std::string message;
    CHECK(exit_code([&] { load_dataset("imagenet=" + path); }, message) == 65);
    CHECK_MESSAGE(contains(message, "small.h5"), message);
    CHECK_MESSAGE(contains(message, row.says), message);
  }
  const TempFolder folder;
  const std::string path = make(folder, 30, 20);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  std::string message;
  CHECK(exit_code([&] { load_dataset("imagenet=" + path); }, message) == 65);
  write(folder / "second.h5", {1});
  CHECK(exit_code([&] { load_dataset("imagenet=" + folder.string()); }, message) == 64);
  CHECK_MESSAGE(contains(message, "holds 2 HDF5 files; choose one of them"), message);
}
