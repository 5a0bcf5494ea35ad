#include "metalearn/data/formats/cifar.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "data_fixture.hpp"

using namespace metalearn;
using namespace fixture;

namespace {

constexpr std::size_t kPlane = 1024, kRecord = 1 + 3 * kPlane;

/// Record r: label r mod 10, red r, green 2 r, blue 3 r (mod 256) everywhere.
Bytes records(int count) {
  Bytes bytes;
  for (int r = 0; r < count; ++r) {
    bytes.push_back(static_cast<std::uint8_t>(r % 10));
    for (int colour = 1; colour <= 3; ++colour)
      bytes.insert(bytes.end(), kPlane, static_cast<std::uint8_t>(colour * r));
  }
  return bytes;
}

}  // namespace

TEST_CASE("CIFAR-10 pixels become luminance, rounded") {
  const TempFolder folder;
  Bytes bytes = records(3);
  bytes[1 + 5] = 200;              // red of pixel 5
  bytes[1 + kPlane + 5] = 100;     // green
  bytes[1 + 2 * kPlane + 5] = 50;  // blue
  write(folder / "a.bin", bytes);
  ImageSet set;
  read_cifar10_file(folder / "a.bin", set);
  CHECK(set.count() == 3);
  CHECK(set.height == 32);
  CHECK(set.labels == std::vector<std::int32_t>{0, 1, 2});
  CHECK(set.pixels[5] == 124);     // 59.8 + 58.7 + 5.7 = 124.2
  CHECK(set.pixels[kPlane] == 2);  // 0.299 + 1.174 + 0.342 = 1.815
}

TEST_CASE("a CIFAR-10 folder holds any of its files, and keeps two classes for meta-validation") {
  const TempFolder folder;
  write_gz(folder / "data_batch_2.bin.gz", records(300));
  Dataset data = read_cifar10_folder("cifar10", folder.string());
  CHECK(data.train.count() ==
        150);  // 30 of each class: the test split gets half of them, since a fifth would be fewer than 20
  CHECK(data.test.count() == 150);
  CHECK(data.class_names[6] == "frog");
  CHECK(data.validation_classes == std::vector<int>{6, 8});
  for (std::int32_t label : data.validation.labels) CHECK((label == 6 || label == 8));
  CHECK(data.validation.count() == std::count_if(data.train.labels.begin(), data.train.labels.end(),
                                                 [](int l) { return l == 6 || l == 8; }));

  write(folder / "test_batch.bin", records(250));
  std::ofstream(folder / "batches.meta.txt") << "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n";
  data = read_cifar10_folder("cifar10", folder.string());
  CHECK(data.train.count() == 300);
  CHECK(data.test.count() == 250);
  CHECK(data.class_names[9] == "j");
  REQUIRE(data.provenance.size() == 2);
  CHECK(data.provenance[0].find("data_batch_2.bin crc32 ") == 0);
  CHECK(data.provenance[1].find("test_batch.bin crc32 ") == 0);
}

TEST_CASE("a bad CIFAR-10 file is refused by a line that names it and what is wrong") {
  std::string message;
  const TempFolder folder;
  CHECK(exit_code([&] { read_cifar10_folder("cifar10", folder.string()); }, message) == 66);
  CHECK_MESSAGE(contains(message, "data_batch_1.bin[.gz]"), message);

  Bytes bytes = records(200);
  bytes.pop_back();
  write(folder / "data_batch_1.bin", bytes);
  CHECK(exit_code([&] { read_cifar10_folder("cifar10", folder.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "data_batch_1.bin: truncated"), message);

  write(folder / "data_batch_1.bin", {});
  CHECK(exit_code([&] { read_cifar10_folder("cifar10", folder.string()); }, message) == 65);

  bytes = records(200);
  bytes[7 * kRecord] = 10;
  write(folder / "data_batch_1.bin", bytes);
  CHECK(exit_code([&] { read_cifar10_folder("cifar10", folder.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "record 7 has label 10"), message);

  write(folder / "data_batch_1.bin", records(199));
  CHECK(exit_code([&] { read_cifar10_folder("cifar10", folder.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "fewer than 20 examples in class 'truck' (19 found)"), message);
}
