#include "metalearn/data/formats/table.hpp"
#include "metalearn/data/sources/load_dataset.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "data_fixture.hpp"
#include "metalearn/data/formats/npy.hpp"

using namespace metalearn;
using namespace fixture;

namespace {

/// rows rows of three columns: 10 + 2 * row, a constant, -row; labels cycle.
std::string rows(int count, const std::vector<std::string>& labels) {
  std::string text = "x,c,y,label\n";
  for (int i = 0; i < count; ++i)
    text += std::to_string(10 + 2 * i) + ",7," + std::to_string(-i) + "," +
            labels[static_cast<std::size_t>(i) % labels.size()] + "\n";
  return text;
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  write(path, Bytes(text.begin(), text.end()));
}

void write_npy(const TempFolder& folder, const std::string& prefix, int count, int classes) {
  std::vector<float> x;
  std::string header =
      "{'descr': '<i4', 'fortran_order': False, 'shape': (" + std::to_string(count) + ",), }\n";
  Bytes labels = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, static_cast<std::uint8_t>(header.size()), 0};
  labels.insert(labels.end(), header.begin(), header.end());
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < 4; ++j) x.push_back(static_cast<float>(i * j));
    labels.insert(labels.end(), {static_cast<std::uint8_t>(5 + i % classes), 0, 0, 0});
  }
  write(folder / (prefix + "features.npy"), npy_bytes(x, {count, 2, 2}));
  write(folder / (prefix + "labels.npy"), labels);
}

}  // namespace

TEST_CASE("a CSV file is a data set whose columns are standardised over the train split") {
  const TempFolder folder;
  write_text(folder / "mine.csv", rows(200, {"10", "9"}));
  const auto data = load_dataset("mine=" + (folder / "mine.csv").string());
  CHECK(data->kind == "features in CSV");
  CHECK(data->class_names == std::vector<std::string>{"9", "10"});  // as numbers
  CHECK(data->train.feature_count == 3);
  CHECK(data->train.mirror == 0);
  CHECK(data->train.count() + data->validation.count() + data->test.count() == 200);
  CHECK(data->test.count() == 40);
  double mean = 0, square = 0;
  const auto n = static_cast<double>(data->train.count());
  for (std::size_t i = 0; i < data->train.labels.size(); ++i) {
    const float x = data->train.features[3 * i], y = data->train.features[3 * i + 2];
    CHECK(data->train.features[3 * i + 1] == 0);
    CHECK(x == doctest::Approx(-y).epsilon(1e-4));
    mean += static_cast<double>(x) / n;
    square += static_cast<double>(x) * static_cast<double>(x) / n;
  }
  CHECK(std::abs(mean) < 1e-6);
  CHECK(square == doctest::Approx(1).epsilon(1e-6));
  for (const float x : data->test.features) CHECK(std::abs(x) < 2);
}

TEST_CASE("train.csv and test.csv are the parts") {
  const TempFolder folder;
  write_text(folder / "train.csv", rows(80, {"b", "a"}));
  write_text(folder / "test.csv", rows(40, {"a", "b"}));
  const auto data = load_dataset("mine=" + folder.string());
  CHECK(data->train.count() + data->validation.count() == 80);
  CHECK(data->test.count() == 40);
  CHECK(data->test.labels[0] == 0);
  CHECK(data->split_note.find("train.csv and test.csv") == 0);
  REQUIRE(data->provenance.size() == 2);
  CHECK(data->provenance[0].find("train.csv crc32 ") == 0);
}

TEST_CASE("NPY features of any shape behind the first axis, with labels") {
  const TempFolder folder;
  write_npy(folder, "", 120, 3);
  const auto data = load_dataset("mine=" + folder.string());
  CHECK(data->kind == "features in NPY");
  CHECK(data->class_names == std::vector<std::string>{"5", "6", "7"});
  CHECK(data->train.feature_count == 4);
  const TempFolder parts;
  write_npy(parts, "train-", 60, 3);
  write_npy(parts, "test-", 90, 3);
  CHECK(load_dataset("mine=" + parts.string())->test.count() == 90);
}

TEST_CASE("tables that do not fit together are refused by name") {
  std::string message;
  const TempFolder folder;
  write_text(folder / "train.csv", rows(80, {"a", "b"}));
  std::string wide = "x,label\n";
  for (int i = 0; i < 40; ++i) wide += i % 2 ? "1,a\n" : "2,b\n";
  write_text(folder / "test.csv", wide);
  CHECK(exit_code([&] { load_dataset("mine=" + folder.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "3 features in the train part but 1 in the test part"), message);
  const std::string header = "x,c,y,label\n", numbers = rows(40, {"a", "b"}).substr(header.size());
  write_text(folder / "test.csv", "c,x,y,label\n" + numbers);
  CHECK(exit_code([&] { load_dataset("mine=" + folder.string()); }, message) == 65);
  CHECK_MESSAGE(
      contains(message, "column 1 of the features is 'x' in the train part but 'c' in the test part"),
      message);
  write_text(folder / "test.csv", numbers);
  CHECK(exit_code([&] { load_dataset("mine=" + folder.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "is 'x' in the train part but no header in the test part"), message);
  const TempFolder few;
  write_text(few / "few.csv", rows(30, {"a", "b"}));
  CHECK(exit_code([&] { load_dataset("mine=" + (few / "few.csv").string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "fewer than 20 examples in class 'a' (15 found)"), message);
  CHECK(exit_code([&] { load_dataset("mine=" + (few / "none.csv").string()); }, message) == 66);

  const TempFolder npy;
  write_npy(npy, "", 60, 3);
  write(npy / "labels.npy", npy_bytes(std::vector<float>(60, 1), {60}));
  CHECK(exit_code([&] { load_dataset("mine=" + npy.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "labels.npy: holds floats (integers expected)"), message);
  write(npy / "labels.npy", npy_bytes(std::vector<float>(59, 1), {59}));
  CHECK(exit_code([&] { load_dataset("mine=" + npy.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "labels.npy: has shape (59) (expected: [60]"), message);
  write(npy / "features.npy", npy_bytes(std::vector<float>(60, 1), {60}));
  CHECK(exit_code([&] { load_dataset("mine=" + npy.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "features.npy: has shape (60) (expected: [examples, features]"), message);
  std::filesystem::remove(npy / "labels.npy");
  CHECK(exit_code([&] { load_dataset("mine=" + npy.string()); }, message) == 66);
}

TEST_CASE("small differences of large numbers are centred and scaled before they are rounded to float32") {
  const TempFolder folder;
  std::string text = "time,label\n", small = "time,label\n";
  for (int i = 0; i < 200; ++i) {
    const std::string label = i % 2 ? ",a\n" : ",b\n";
    text += std::to_string(1'700'000'000 + i) + label;
    small += std::to_string(i) + label;
  }
  write_text(folder / "large.csv", text);
  const auto data = load_dataset("mine=" + (folder / "large.csv").string());
  std::set<float> distinct;
  for (const ImageSet* set : {&data->train, &data->validation, &data->test})
    distinct.insert(set->features.begin(), set->features.end());
  CHECK(distinct.size() == 200);
  double square = 0;
  for (const float x : data->train.features)
    square += static_cast<double>(x) * static_cast<double>(x) / static_cast<double>(data->train.count());
  CHECK(square == doctest::Approx(1).epsilon(1e-6));
  REQUIRE(!data->train.index.empty());  // places in the file: later rows have larger numbers
  for (std::size_t i = 1; i < data->train.index.size(); ++i)
    CHECK(data->train.features[i] > data->train.features[i - 1]);
  CHECK(contains(data->label_note, "'label', by its name"));
}

TEST_CASE("a table in which no input varies is refused by name") {
  const TempFolder folder;
  std::string text = "x,y,label\n", message;
  for (int i = 0; i < 80; ++i) text += i % 2 ? "0.1,7,a\n" : "0.1,7,b\n";
  write_text(folder / "same.csv", text);
  CHECK(exit_code([&] { load_dataset("mine=" + (folder / "same.csv").string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "data 'mine': no input varies in the train split"), message);
}
