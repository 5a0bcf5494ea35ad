#include "metalearn/data/sources/load_dataset.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "data_fixture.hpp"
#include "metalearn/data/split.hpp"

using namespace metalearn;
using namespace fixture;

TEST_CASE("a word of the command line names a data set, or is refused with the nearest name") {
  struct Row {
    const char* word;
    int code;
    const char* says;
  };
  const Row rows[] = {
      {"minst", 64, "did you mean 'mnist'"},
      {"glyphs", 64, "did you mean 'glyph'"},
      {"cifar-10", 64, "did you mean 'cifar10'"},
      {"mnist", 64, "mnist=DIR"},
      {"cifar10", 64, "cifar10=DIR"},
      {"", 64, "NAME=DIR"},
      {"=somewhere", 64, "NAME=DIR"},
      {"mnist=", 64, "NAME=DIR"},
      {"mnist=/nowhere/at/all", 66, "no such folder for data 'mnist'"},
      {"own=/nowhere/at/all", 66, "no such folder for data 'own'"},
      {"cifar10=/nowhere/at/all", 66, "no such folder for data 'cifar10'"},
      {"glyph=/nowhere/at/all", 66, "no such folder for data 'glyph'"},
      {"mnist=/dev/null", 66, "not a folder"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.word);
    std::string message;
    CHECK(exit_code([&] { load_dataset(row.word); }, message) == row.code);
    CHECK_MESSAGE(contains(message, row.says), message);
    CHECK(std::count(message.begin(), message.end(), '\n') == 0);
  }
}

TEST_CASE("any name with a folder is a folder of IDX files; fashion-mnist has names for its classes") {
  const TempFolder folder;
  write(folder / "train-images-idx3-ubyte", idx_images(600));
  write(folder / "train-labels-idx1-ubyte", idx_labels(600, 10));
  const auto own = load_dataset("my-own=" + folder.string());
  CHECK(own->name == "my-own");
  CHECK(own->source == folder.string());
  CHECK(own->class_names[9] == "9");
  CHECK(load_dataset("fashion-mnist=" + folder.string())->class_names[9] == "Ankle boot");
}

TEST_CASE(
    "a hashed split takes its share of every class, the same one every time, and enough of small classes") {
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 1000; ++i) labels.push_back(i % 2);
  for (int i = 0; i < 50; ++i) labels.push_back(2);
  for (int i = 0; i < 10; ++i) labels.push_back(3);
  const auto marks = hashed_split(labels, 5);
  std::vector<int> given(4, 0);
  for (std::size_t i = 0; i < labels.size(); ++i) given.at(static_cast<std::size_t>(labels[i])) += marks[i];
  CHECK(given == std::vector<int>{100, 100, 20, 5});
  CHECK(hashed_split(labels, 5) == marks);
  CHECK(std::count(marks.begin(), marks.begin() + 500, 1) > 70);  // spread, not the first or last of a class
  CHECK(std::count(marks.begin(), marks.begin() + 500, 1) < 130);
}

TEST_CASE("taking by marks keeps images with their labels") {
  const ImageSet set{1, 2, {1, 2, 3, 4, 5, 6}, {7, 8, 9}};
  const ImageSet taken = take(set, {1, 0, 1}, 1);
  CHECK(taken.pixels == std::vector<std::uint8_t>{1, 2, 5, 6});
  CHECK(taken.labels == std::vector<std::int32_t>{7, 9});
  CHECK(take(set, {1, 0, 1}, 0).pixels == std::vector<std::uint8_t>{3, 4});
}
