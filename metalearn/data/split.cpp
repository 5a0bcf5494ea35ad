#include "metalearn/data/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "checkpoints/error.hpp"
#include "metalearn/base/random.hpp"

namespace metalearn {

std::vector<char> hashed_split(std::span<const std::int32_t> labels, std::int64_t share,
                               std::span<const std::uint64_t> keys) {
  std::map<std::int32_t, std::vector<std::pair<std::uint64_t, std::size_t>>> classes;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    auto& members = classes[labels[i]];
    members.emplace_back(Random(purpose("split"), static_cast<std::uint64_t>(labels[i]),
                                keys.empty() ? members.size() : keys[i])
                             .bits64(),
                         i);
  }
  std::vector<char> marks(labels.size(), 0);
  for (auto& [label, members] : classes) {
    const auto n = static_cast<std::int64_t>(members.size());
    const std::int64_t given = std::max(n / share, std::min(kFewestExamples, n / 2));
    std::sort(members.begin(), members.end());
    for (std::int64_t i = 0; i < given; ++i) marks[members[static_cast<std::size_t>(i)].second] = 1;
  }
  return marks;
}

std::string split_words(std::span<const std::int32_t> labels, const std::vector<char>& marks,
                        std::int64_t share, const std::string& part) {
  std::map<std::int32_t, std::pair<std::int64_t, std::int64_t>>
      classes;  // examples, and how many of them are held out
  for (std::size_t i = 0; i < labels.size(); ++i) {
    auto& [n, given] = classes[labels[i]];
    ++n;
    given += marks[i];
  }
  const bool is_exact = std::all_of(classes.begin(), classes.end(),
                                    [&](const auto& c) { return c.second.second == c.second.first / share; });
  return fmt::format(
      "hashed {}{}", part,
      is_exact ? "" : fmt::format(" (at least {}, or half of a small class)", kFewestExamples));
}

std::string one_part_note(std::span<const std::int32_t> labels, const std::vector<char>& marks) {
  return fmt::format("one part only; a fixed {} is the test split",
                     split_words(labels, marks, 5, "fifth of each class"));
}

std::uint64_t example_key(std::span<const std::uint8_t> bytes) {
  return purpose({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

ImageSet take(const ImageSet& set, const std::vector<char>& marks, char mark) {
  ImageSet taken{.height = set.height,
                 .width = set.width,
                 .pixels = {},
                 .labels = {},
                 .channels = set.channels,
                 .feature_count = set.feature_count,
                 .mirror = set.mirror};
  const auto size = static_cast<std::ptrdiff_t>(set.channels) * set.height * set.width;
  const auto count = static_cast<std::size_t>(std::count(marks.begin(), marks.end(), mark));
  taken.labels.reserve(count);
  taken.pixels.reserve(count * static_cast<std::size_t>(size));
  taken.features.reserve(count * static_cast<std::size_t>(set.feature_count));
  for (std::size_t i = 0; i < marks.size(); ++i) {
    if (marks[i] != mark) continue;
    taken.labels.push_back(set.labels[i]);
    taken.index.push_back(set.index.empty() ? static_cast<std::int64_t>(i) : set.index[i]);
    const auto image = set.pixels.begin() + static_cast<std::ptrdiff_t>(i) * size;
    taken.pixels.insert(taken.pixels.end(), image, image + size);
    const auto row = set.features.begin() + static_cast<std::ptrdiff_t>(i) * set.feature_count;
    taken.features.insert(taken.features.end(), row, row + set.feature_count);
  }
  return taken;
}

std::vector<char> marks_of(std::span<const std::int32_t> labels, const std::vector<int>& classes) {
  std::vector<char> marks(labels.size());
  std::transform(labels.begin(), labels.end(), marks.begin(), [&](std::int32_t label) {
    return static_cast<char>(std::find(classes.begin(), classes.end(), label) != classes.end());
  });
  return marks;
}

std::vector<std::int64_t> count_classes(const ImageSet& set, std::size_t classes) {
  std::vector<std::int64_t> counts(classes, 0);
  for (std::int32_t label : set.labels) ++counts.at(static_cast<std::size_t>(label));
  return counts;
}

void check_classes(const ImageSet& set, const std::vector<std::string>& class_names,
                   const std::string& where) {
  if (class_names.size() < 2)
    throw checkpoints::BadData(fmt::format("{}: fewer than two classes ({} found); a task needs at least 2",
                                           where, class_names.size()));
  const auto counts = count_classes(set, class_names.size());
  for (std::size_t c = 0; c < counts.size(); ++c)
    if (counts[c] < kFewestExamples)
      throw checkpoints::BadData(fmt::format(
          "{}: fewer than {} examples in class '{}' ({} found); add examples or leave the class out", where,
          kFewestExamples, class_names[c], counts[c]));
}

void split_parts(Dataset& data, ImageSet train, std::optional<ImageSet> test, const PartNames& names,
                 std::vector<std::uint64_t> keys) {
  if (test) {
    check_classes(train, data.class_names, fmt::format("{} ({})", data.source, names.train));
    check_classes(*test, data.class_names, fmt::format("{} ({})", data.source, names.test));
    data.test = std::move(*test);
    data.split_note = names.both;
  } else {
    check_classes(train, data.class_names, data.source);
    const auto marks = hashed_split(train.labels, 5, keys);
    data.split_note = one_part_note(train.labels, marks);
    data.test = take(train, marks, 1);
    train = take(train, marks, 0);
    if (!keys.empty()) {
      std::size_t kept = 0;
      for (std::size_t i = 0; i < marks.size(); ++i)
        if (marks[i] == 0) keys[kept++] = keys[i];
      keys.resize(kept);
    }
  }
  const auto counts = count_classes(train, data.class_names.size());
  if (*std::min_element(counts.begin(), counts.end()) < 2 * kFewestExamples) {
    data.train = std::move(train);
    data.split_note +=
        fmt::format("; {} train, {} test; a class has too few {} to keep any for meta-validation",
                    data.train.count(), data.test.count(), names.examples);
    return;
  }
  const auto marks = hashed_split(train.labels, 10, keys);
  const std::string tenth = split_words(train.labels, marks, 10, "tenth of train");
  data.validation = take(train, marks, 1);
  data.train = take(train, marks, 0);
  data.split_note += fmt::format("; {} train, {} meta-validation (a {}), {} test", data.train.count(),
                                 data.validation.count(), tenth, data.test.count());
}

}  // namespace metalearn
