#include "metalearn/data/formats/table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "checkpoints/error.hpp"
#include "metalearn/data/formats/csv.hpp"
#include "metalearn/data/formats/data_format.hpp"
#include "metalearn/data/formats/npy.hpp"
#include "metalearn/data/split.hpp"

namespace metalearn {
namespace {

namespace fs = std::filesystem;
using checkpoints::BadData;

constexpr std::int64_t kMostColumns = 1'000'000;
constexpr double kRounding = 1e-14;  // of float64, relative, with what a few operations add

std::optional<std::int64_t> whole(const std::string& label) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), value);
  if (error != std::errc() || end != label.data() + label.size()) return {};
  return value;
}

/// The distinct labels in order.
std::vector<std::string> classes_of(const std::vector<const Table*>& parts) {
  std::vector<std::string> names;
  for (const Table* part : parts) names.insert(names.end(), part->labels.begin(), part->labels.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (std::all_of(names.begin(), names.end(), [](const auto& n) { return whole(n).has_value(); }))
    std::stable_sort(names.begin(), names.end(),
                     [](const auto& a, const auto& b) { return *whole(a) < *whole(b); });
  return names;
}

ImageSet to_set(const Table& table, const std::vector<std::string>& class_names) {
  std::map<std::string, std::int32_t> numbers;
  for (std::size_t c = 0; c < class_names.size(); ++c) numbers[class_names[c]] = static_cast<std::int32_t>(c);
  ImageSet set;
  set.feature_count = static_cast<int>(table.columns);
  set.features.assign(table.features.begin(), table.features.end());
  set.mirror = 0;
  for (const auto& label : table.labels) set.labels.push_back(numbers.at(label));
  return set;
}

template <class T>
std::vector<std::uint64_t> keys_of(const std::vector<T>& features, std::size_t columns) {
  std::vector<std::uint64_t> keys;
  for (std::size_t start = 0; start < features.size(); start += columns)
    keys.push_back(
        example_key({reinterpret_cast<const std::uint8_t*>(features.data() + start), columns * sizeof(T)}));
  return keys;
}

/// Keys of the rows' features, independent of the order of rows: as float32, unless that makes different rows
/// alike.
std::vector<std::uint64_t> row_keys(const Table& table) {
  const auto columns = static_cast<std::size_t>(table.columns);
  auto rounded = keys_of(std::vector<float>(table.features.begin(), table.features.end()), columns);
  auto exact = keys_of(table.features, columns);
  const auto distinct = [](const std::vector<std::uint64_t>& keys) {
    return std::set<std::uint64_t>(keys.begin(), keys.end()).size();
  };
  return distinct(rounded) < distinct(exact) ? exact : rounded;
}

/// The numbers of a table that example i of a split was taken from.
const double* row_of(const ImageSet& split, const Table& table, std::size_t i) {
  const std::size_t row = split.index.empty() ? i : static_cast<std::size_t>(split.index[i]);
  return table.features.data() + row * static_cast<std::size_t>(table.columns);
}

/// Standardises every column by its mean and standard deviation over the train split, before rounding to
/// float32. test: if the test split has a table of its own.
void standardise(Dataset& data, const Table& train, const Table* test) {
  const auto columns = static_cast<std::size_t>(train.columns);
  const auto rows = static_cast<std::size_t>(data.train.count());
  double low = HUGE_VAL, high = -HUGE_VAL;
  // About the first row: small differences of large numbers stay exact.
  const double* const first = row_of(data.train, train, 0);
  std::vector<double> mean(columns, 0), square(columns, 0), scale(columns, 0);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) {
      const double x = row_of(data.train, train, r)[c];
      low = std::min(low, x);
      high = std::max(high, x);
      mean[c] += (x - first[c]) / static_cast<double>(rows);
    }
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) {
      const double centred = row_of(data.train, train, r)[c] - first[c] - mean[c];
      square[c] += centred * centred / static_cast<double>(rows);
    }
  data.input_note =
      fmt::format("{} features from {} to {} in the train split, standardised by mean and deviation over it",
                  columns, low, high);
  // A column whose deviation is only rounding error of its mean counts as constant.
  for (std::size_t c = 0; c < columns; ++c)
    if (std::sqrt(square[c]) > kRounding * std::abs(first[c] + mean[c])) scale[c] = 1 / std::sqrt(square[c]);
  for (ImageSet* set : {&data.train, &data.validation, &data.test}) {
    const Table& table = set == &data.test && test ? *test : train;
    for (std::size_t i = 0; i < set->features.size(); ++i) {
      const std::size_t c = i % columns;
      const float x =
          static_cast<float>((row_of(*set, table, i / columns)[c] - first[c] - mean[c]) * scale[c]);
      set->features[i] = x;
      if (!std::isfinite(x))
        throw BadData(
            fmt::format("{}: column {} of the features varies too little in the train split to be "
                        "standardised; remove it",
                        data.source, c + 1));
    }
  }
}

Dataset to_dataset(Dataset data, Table train, std::optional<Table> test, const std::string& both) {
  if (train.columns > kMostColumns)
    throw BadData(fmt::format("{}: {} features (allowed: at most {}); remove some", data.source,
                              train.columns, kMostColumns));
  if (test && test->columns != train.columns)
    throw BadData(fmt::format(
        "{}: {} features in the train part but {} in the test part; both must have the same columns",
        data.source, train.columns, test->columns));
  if (test && test->names != train.names) {
    const auto differs =
        std::mismatch(train.names.begin(), train.names.end(), test->names.begin(), test->names.end());
    const auto shown = [](auto at, const Table& part) {
      return part.names.empty() ? std::string("no header") : fmt::format("'{}'", *at);
    };
    throw BadData(
        fmt::format("{}: column {} of the features is {} in the train part but {} in the test part; give "
                    "both the same header, in the same order",
                    data.source, differs.first - train.names.begin() + 1, shown(differs.first, train),
                    shown(differs.second, *test)));
  }
  std::vector<const Table*> parts = {&train};
  if (test) parts.push_back(&*test);
  data.class_names = classes_of(parts);
  std::optional<ImageSet> test_set;
  if (test) test_set = to_set(*test, data.class_names);
  split_parts(data, to_set(train, data.class_names), std::move(test_set), {"train", "test", both, "rows"},
              row_keys(train));
  standardise(data, train, test ? &*test : nullptr);
  data.label_note = train.label_note;
  for (const Table* part : parts) data.notes.insert(data.notes.end(), part->notes.begin(), part->notes.end());
  return data;
}

Dataset describe(const std::string& name, const fs::path& path, const char* kind) {
  Dataset data;
  data.name = name;
  data.source = path.string();
  data.kind = kind;
  return data;
}

Table read_csv(const fs::path& path, std::vector<std::string>& provenance) {
  FileBytes file = read_file(path);
  provenance.push_back(file.checksum());
  file.name = path.string();
  return parse_csv(file);
}

Table read_npy(const fs::path& folder, const std::string& features_file, const std::string& labels_file,
               std::vector<std::string>& provenance) {
  const FileBytes features = read_file(folder / features_file), labels = read_file(folder / labels_file);
  const NpyArray x(features.bytes, (folder / features_file).string()),
      y(labels.bytes, (folder / labels_file).string());
  if (x.shape().size() < 2 || x.shape()[0] == 0 || x.count() == 0)
    throw BadData(fmt::format("{}: has shape ({}) (expected: [examples, features]); reshape it",
                              (folder / features_file).string(), fmt::join(x.shape(), ", ")));
  if (y.shape().size() != 1 || y.shape()[0] != x.shape()[0])
    throw BadData(fmt::format("{}: has shape ({}) (expected: [{}], a label for each row of {}); reshape it",
                              (folder / labels_file).string(), fmt::join(y.shape(), ", "), x.shape()[0],
                              features_file));
  provenance.insert(provenance.end(), {features.checksum(), labels.checksum()});
  Table table{x.count() / x.shape()[0], x.doubles(), {}};
  for (const std::int64_t label : y.integers()) table.labels.push_back(std::to_string(label));
  return table;
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool holds_csv(const fs::path& path) {
  const std::string name = path.filename().string();
  if (is_file(path)) return name.ends_with(".csv") || name.ends_with(".csv.gz");
  return !find_file(path, {"train.csv"}).empty();
}

bool holds_npy(const fs::path& folder) {
  return is_file(folder / "features.npy") || is_file(folder / "train-features.npy");
}

}  // namespace

Dataset read_csv_table(const std::string& name, const fs::path& path) {
  Dataset data = describe(name, path, "features in CSV");
  Table train = read_csv(is_file(path) ? path : find_file(path, {"train.csv"}), data.provenance);
  std::optional<Table> test;
  if (const auto file = find_file(path, {"test.csv"}); !file.empty()) test = read_csv(file, data.provenance);
  if (train.names.empty()) data.kind += ", no header";
  return to_dataset(std::move(data), std::move(train), std::move(test), "train.csv and test.csv");
}

Dataset read_npy_table(const std::string& name, const fs::path& folder) {
  Dataset data = describe(name, folder, "features in NPY");
  if (is_file(folder / "features.npy")) {
    Table table = read_npy(folder, "features.npy", "labels.npy", data.provenance);
    return to_dataset(std::move(data), std::move(table), {}, "");
  }
  Table train = read_npy(folder, "train-features.npy", "train-labels.npy", data.provenance);
  std::optional<Table> test;
  if (is_file(folder / "test-features.npy"))
    test = read_npy(folder, "test-features.npy", "test-labels.npy", data.provenance);
  return to_dataset(std::move(data), std::move(train), std::move(test), "train-*.npy and test-*.npy");
}

extern const DataFormat kCsv{.name = "CSV",
                             .holds = "train.csv",
                             .layout =
                                 "train.csv and optionally test.csv, or give one CSV file; the label is in "
                                 "the column `label` or the last one",
                             .read = [](const std::string& name, const fs::path& path, const LoadOptions&) {
                               return holds_csv(path) ? std::optional(read_csv_table(name, path))
                                                      : std::nullopt;
                             }};

extern const DataFormat kNpy{
    .name = "NPY",
    .holds = "features.npy and labels.npy",
    .layout =
        "features.npy and labels.npy, or train-features.npy, train-labels.npy, test-features.npy, "
        "test-labels.npy",
    .read = [](const std::string& name, const fs::path& path, const LoadOptions&) {
      return holds_npy(path) ? std::optional(read_npy_table(name, path)) : std::nullopt;
    }};

}  // namespace metalearn
