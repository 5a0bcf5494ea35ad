#include "metalearn/data/formats/idx.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "data_fixture.hpp"

using namespace metalearn;
using namespace fixture;

TEST_CASE("an IDX pair is read plain and packed, with the same pixels and labels") {
  const TempFolder folder;
  write(folder / "i", idx_images(5, 3, 2));
  write(folder / "l", idx_labels(5, 3, 4));
  write_gz(folder / "i.gz", idx_images(5, 3, 2));
  write_gz(folder / "l.gz", idx_labels(5, 3, 4));
  const ImageSet plain = read_idx(folder / "i", folder / "l"),
                 packed = read_idx(folder / "i.gz", folder / "l.gz");
  CHECK(plain.height == 3);
  CHECK(plain.width == 2);
  CHECK(plain.labels == std::vector<std::int32_t>{4, 5, 6, 4, 5});
  REQUIRE(plain.pixels.size() == 30);
  CHECK(plain.pixels[6 * 2 + 3] == 7 * 2 + 13 * 3);
  CHECK(packed.pixels == plain.pixels);
  CHECK(packed.labels == plain.labels);
}

TEST_CASE("a bad IDX file is refused by a line that names it and what is wrong") {
  struct Row {
    const char* what;
    std::function<void(Bytes&, Bytes&)> spoil;
    const char* file;
    const char* says;
  };
  const Row rows[] = {
      {"truncated images", [](Bytes& i, Bytes&) { i.resize(50); }, "images",
       "truncated: 656 bytes expected, 50 found"},
      {"no header", [](Bytes& i, Bytes&) { i.resize(10); }, "images", "truncated: 16 bytes of header"},
      {"empty labels", [](Bytes&, Bytes& l) { l.clear(); }, "labels", "truncated"},
      {"truncated labels", [](Bytes&, Bytes& l) { l.pop_back(); }, "labels",
       "truncated: 48 bytes expected, 47 found"},
      {"trailing bytes", [](Bytes& i, Bytes&) { i.push_back(0); }, "images", "too long"},
      {"magic of images", [](Bytes& i, Bytes&) { i[3] = 1; }, "images",
       "0x00000803 expected, 0x00000801 found"},
      {"magic of labels", [](Bytes&, Bytes& l) { l[3] = 3; }, "labels",
       "0x00000801 expected, 0x00000803 found"},
      {"counts", [](Bytes&, Bytes& l) { l = idx_labels(39, 2); }, "images", "40 images but"},
      {"no pixels", [](Bytes& i, Bytes&) { i = idx_images(40, 0, 4); }, "images", "0 x 4 pixels"},
      {"impossible size", [](Bytes& i, Bytes&) { i[8] = 0xff; }, "images", "damaged header"},
      {"impossible count", [](Bytes& i, Bytes&) { i[4] = 0xff; }, "images", "truncated"},
      {"no images",
       [](Bytes& i, Bytes& l) {
         i = idx_images(0);
         l = idx_labels(0, 1);
       },
       "images", "no images"},
  };
  for (const Row& row : rows) {
    for (const bool packed : {false, true}) {
      CAPTURE(row.what);
      CAPTURE(packed);
      const TempFolder folder;
      Bytes images = idx_images(40), labels = idx_labels(40, 2);
      row.spoil(images, labels);
      const auto put_file = [&](const std::string& name, const Bytes& bytes) {
        packed ? write_gz(folder / name, bytes) : fixture::write(folder / name, bytes);
      };
      put_file("images", images);
      put_file("labels", labels);
      std::string message;
      CHECK(exit_code([&] { read_idx(folder / "images", folder / "labels"); }, message) == 65);
      CHECK_MESSAGE(contains(message, row.says), message);
      CHECK_MESSAGE(contains(message, row.file), message);
      CHECK(std::count(message.begin(), message.end(), '\n') == 0);
    }
  }
}

TEST_CASE("a gzip file that breaks off or whose checksum is wrong is refused") {
  const TempFolder folder;
  write_gz(folder / "whole.gz", idx_images(400, 9, 9));
  write(folder / "labels", idx_labels(400, 2));
  std::ifstream in(folder / "whole.gz", std::ios::binary);
  const Bytes whole((std::istreambuf_iterator<char>(in)), {});
  std::string message;

  write(folder / "short.gz",
        Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(whole.size() / 2)));
  CHECK(exit_code([&] { read_idx(folder / "short.gz", folder / "labels"); }, message) == 65);
  CHECK_MESSAGE(contains(message, "short.gz: truncated"), message);

  Bytes flipped = whole;
  flipped[whole.size() - 7] ^= 1;  // in the stored CRC-32
  write(folder / "flipped.gz", flipped);
  CHECK(exit_code([&] { read_idx(folder / "flipped.gz", folder / "labels"); }, message) == 65);
  CHECK_MESSAGE(contains(message, "flipped.gz: damaged"), message);
}

TEST_CASE("an IDX folder may hold train, t10k or both, under either spelling") {
  const TempFolder both, one, other;
  write(both / "train-images-idx3-ubyte", idx_images(300));
  write(both / "train-labels-idx1-ubyte", idx_labels(300, 3));
  write_gz(both / "t10k-images.idx3-ubyte.gz", idx_images(90));
  write_gz(both / "t10k-labels.idx1-ubyte.gz", idx_labels(90, 3));
  Dataset data = read_idx_folder("own", both.string());
  CHECK(data.train.count() + data.validation.count() == 300);
  CHECK(data.validation.count() == 60);  // 20 of each class
  CHECK(data.test.count() == 90);
  CHECK(data.class_names == std::vector<std::string>{"0", "1", "2"});
  CHECK(data.validation_classes.empty());

  write(one / "train-images-idx3-ubyte", idx_images(600));
  write(one / "train-labels-idx1-ubyte", idx_labels(600, 3, 5));
  data = read_idx_folder("own", one.string());
  CHECK(data.test.count() == 120);
  CHECK(data.train.count() + data.validation.count() == 480);
  CHECK(data.class_names == std::vector<std::string>{"5", "6", "7"});
  CHECK(*std::max_element(data.train.labels.begin(), data.train.labels.end()) == 2);
  CHECK(contains(data.split_note, "one part only"));
  const Dataset again = read_idx_folder("own", one.string());
  CHECK(again.test.pixels == data.test.pixels);

  write(other / "t10k-images-idx3-ubyte", idx_images(60));
  write(other / "t10k-labels-idx1-ubyte", idx_labels(60, 2));
  data = read_idx_folder("own", other.string());
  CHECK(data.test.count() == 30);
}

TEST_CASE("each file's checksum is kept: packing a file changes nothing, another pixel does") {
  const TempFolder folder;
  Bytes images = idx_images(200);
  write(folder / "train-images-idx3-ubyte", images);
  write(folder / "train-labels-idx1-ubyte", idx_labels(200, 2));
  const auto plain = read_idx_folder("own", folder.string()).provenance;
  REQUIRE(plain.size() == 2);
  CHECK(plain[0] == fmt::format("train-images-idx3-ubyte crc32 {:08x}",
                                crc32(0, images.data(), static_cast<unsigned>(images.size()))));
  CHECK(plain[1].find("train-labels-idx1-ubyte crc32 ") == 0);

  std::filesystem::remove(folder / "train-images-idx3-ubyte");
  write_gz(folder / "train-images-idx3-ubyte.gz", images);
  CHECK(read_idx_folder("own", folder.string()).provenance == plain);
  images.back() ^= 1;
  write_gz(folder / "train-images-idx3-ubyte.gz", images);
  CHECK(read_idx_folder("own", folder.string()).provenance != plain);
}

TEST_CASE("a train split keeps images for meta-validation only where 20 of each class are left to train on") {
  const TempFolder folder;
  for (const auto& [each, kept] : {std::pair{20, 0}, std::pair{39, 0}, std::pair{40, 40}}) {
    for (const char* part : {"train", "t10k"}) {
      write(folder / (part + std::string("-images-idx3-ubyte")), idx_images(2 * each));
      write(folder / (part + std::string("-labels-idx1-ubyte")), idx_labels(2 * each, 2));
    }
    const Dataset data = read_idx_folder("own", folder.string());
    CHECK(data.validation.count() == kept);
    CHECK(data.train.count() == 2 * each - kept);
    CHECK(contains(data.split_note, "too few images to keep any for meta-validation") == (kept == 0));
  }
}

TEST_CASE("an IDX folder without usable contents is refused with the documented exit code") {
  std::string message;
  const TempFolder folder;
  CHECK(exit_code([&] { read_idx_folder("own", folder.string()); }, message) == 66);
  CHECK_MESSAGE(contains(message, "no IDX files for data 'own'"), message);
  CHECK(exit_code([&] { read_idx_folder("own", folder / "nowhere"); }, message) == 66);
  CHECK_MESSAGE(contains(message, "no such folder"), message);

  write(folder / "train-images-idx3-ubyte", idx_images(57));
  CHECK(exit_code([&] { read_idx_folder("own", folder.string()); }, message) == 66);
  CHECK_MESSAGE(contains(message, "train-labels-idx1-ubyte[.gz] is missing"), message);
  write(folder / "train-labels-idx1-ubyte", idx_labels(57, 3));
  CHECK(exit_code([&] { read_idx_folder("own", folder.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "fewer than 20 examples in class '0' (19 found)"), message);
  write(folder / "train-labels-idx1-ubyte", idx_labels(57, 1));
  CHECK(exit_code([&] { read_idx_folder("own", folder.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "fewer than two classes"), message);

  write(folder / "train-labels-idx1-ubyte", idx_labels(57, 2));
  write(folder / "t10k-images-idx3-ubyte", idx_images(57, 5, 5));
  write(folder / "t10k-labels-idx1-ubyte", idx_labels(57, 2));
  CHECK(exit_code([&] { read_idx_folder("own", folder.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "4 x 4 but t10k images 5 x 5"), message);
}
