#include "metalearn/evaluate/sweep.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "checkpoints/error.hpp"
#include "metalearn/base/nearest.hpp"
#include "metalearn/base/word_list.hpp"

namespace metalearn {
namespace {

using checkpoints::UsageError;

/// What a value may be, and how A..B goes from one value to the next.
struct Entry {
  const char* name;
  std::int64_t least, most;  ///< of numbers
  std::int64_t (*next)(std::int64_t);
};

std::int64_t one_more(std::int64_t n) { return n + 1; }
std::int64_t doubled(std::int64_t n) { return 2 * n; }
/// 1, 2, 5, 10, 20, 50, ...
std::int64_t next_of_125(std::int64_t n) {
  for (std::int64_t power = 1;; power *= 10)
    for (const std::int64_t digit : {1, 2, 5})
      if (digit * power > n) return digit * power;
}

/// THE table, in the order of Axis.
constexpr Entry kAxes[] = {
    {"depth", 1, 64, one_more},        {"width", 2, 16384, doubled},
    {"activation", 0, 0, nullptr},     {"labels", 1, 10000, next_of_125},
    {"steps", 0, 100000, next_of_125}, {"permutation", 0, 1000000, one_more},
    {"update", 0, 99999999, nullptr},
};
const Entry& entry(Axis axis) { return kAxes[static_cast<std::size_t>(axis)]; }

constexpr std::size_t kMostValues = 1000;

std::int64_t whole(const Entry& e, const std::string& text) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n < e.least || n > e.most)
    throw UsageError(
        fmt::format("--over {}: '{}' can't be built (allowed: whole numbers {} .. {}, as A..B or A,B,...)",
                    e.name, text, e.least, e.most));
  return n;
}

void add_range(const Entry& e, const std::string& from, const std::string& to,
               std::vector<std::string>& values) {
  const std::int64_t first = whole(e, from), last = whole(e, to);
  if (first > last)
    throw UsageError(
        fmt::format("--over {}: {}..{} does not ascend; write {}..{}", e.name, first, last, last, first));
  std::int64_t n = first;
  for (; n < last && values.size() < kMostValues; n = e.next(n)) values.push_back(std::to_string(n));
  if (n < last)
    throw UsageError(fmt::format("--over {}: {}..{} is more than {} values; name fewer, as A,B,...", e.name,
                                 first, last, kMostValues));
  values.push_back(std::to_string(last));
}

std::vector<std::string> activations_of(const std::vector<std::string>& words) {
  const auto& all = activation_names();
  std::vector<std::string> values;
  for (const auto& word : words) {
    if (word == "all")
      values.insert(values.end(), all.begin(), all.end());
    else if (std::find(all.begin(), all.end(), word) != all.end())
      values.push_back(word);
    else
      throw UsageError(fmt::format("--over activation: '{}' can't be built{} (allowed: all, {})", word,
                                   did_you_mean(word, all), fmt::join(all, ", ")));
  }
  return values;
}

std::vector<std::string> updates_of(const Entry& e, const std::vector<std::string>& words,
                                    const std::vector<std::int64_t>& updates) {
  std::vector<std::string> values;
  for (const auto& word : words) {
    if (word == "all") {
      for (const auto n : updates) values.push_back(std::to_string(n));
    } else if (const auto dots = word.find(".."); dots != std::string::npos) {
      const auto first = whole(e, word.substr(0, dots)), last = whole(e, word.substr(dots + 2));
      if (first > last)
        throw UsageError(fmt::format("--over update: {} does not ascend; write {}..{}", word, last, first));
      const auto before = values.size();
      for (const auto n : updates)
        if (n >= first && n <= last) values.push_back(std::to_string(n));
      if (values.size() == before)
        throw UsageError(fmt::format("--over update: there is no snapshot in {}; there are {}", word,
                                     fmt::join(updates, ", ")));
    } else if (const auto n = whole(e, word); std::find(updates.begin(), updates.end(), n) != updates.end())
      values.push_back(std::to_string(n));
    else
      throw UsageError(fmt::format("--over update: there is no snapshot of update {}; there are {}", n,
                                   fmt::join(updates, ", ")));
  }
  return values;
}

}  // namespace

std::string to_string(Axis axis) { return entry(axis).name; }

const std::vector<std::string>& axis_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& e : kAxes) all.emplace_back(e.name);
    return all;
  }();
  return names;
}

SweepAxis sweep_axis_from(const std::string& text, const std::vector<std::int64_t>& updates) {
  const auto equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const auto found = std::find(axis_names().begin(), axis_names().end(), name);
  if (found == axis_names().end())
    throw UsageError(fmt::format("--over '{}': unknown axis{}; known: {}", name,
                                 did_you_mean(name, axis_names()), fmt::join(axis_names(), ", ")));
  const auto words = split_list(equals == std::string::npos ? "" : text.substr(equals + 1));
  if (words.empty())
    throw UsageError(
        fmt::format("--over {}: no values; write --over {}=A..B or {}=A,B,...", name, name, name));
  SweepAxis sweep{static_cast<Axis>(found - axis_names().begin()), {}};
  const Entry& e = entry(sweep.axis);
  if (sweep.axis == Axis::activation) {
    sweep.values = activations_of(words);
  } else if (sweep.axis == Axis::update) {
    sweep.values = updates_of(e, words, updates);
  } else if (sweep.axis == Axis::permutation && words.size() == 1 &&
             words[0].find("..") == std::string::npos) {
    add_range(e, "0", words[0], sweep.values);
  } else {
    for (const auto& word : words) {
      if (const auto dots = word.find(".."); dots != std::string::npos)
        add_range(e, word.substr(0, dots), word.substr(dots + 2), sweep.values);
      else
        sweep.values.push_back(std::to_string(whole(e, word)));
    }
  }
  std::vector<std::string> once;
  for (const auto& value : sweep.values)
    if (std::find(once.begin(), once.end(), value) == once.end()) once.push_back(value);
  sweep.values = std::move(once);
  if (sweep.axis == Axis::steps)
    std::sort(sweep.values.begin(), sweep.values.end(),
              [](const auto& a, const auto& b) { return std::stoll(a) < std::stoll(b); });
  return sweep;
}

std::size_t sweep_cells(const SweepAxis& axis) { return axis.axis == Axis::steps ? 1 : axis.values.size(); }

Evaluation sweep_cell(const SweepAxis& axis, std::size_t cell, Evaluation e) {
  const std::string& value = axis.values.at(cell);
  const auto n = [&] { return static_cast<std::int64_t>(std::stoll(value)); };
  switch (axis.axis) {
    case Axis::depth:
      e.options.hidden.assign(static_cast<std::size_t>(n()), e.options.hidden.at(0));
      break;
    case Axis::width:
      e.options.hidden.assign(e.options.hidden.size(), n());
      break;
    case Axis::activation:
      e.rule.activation = activation_from(value);
      break;
    case Axis::labels:
      e.task.labels_per_class = static_cast<int>(n());
      e.options.labels_per_class = n();
      break;
    case Axis::steps:
      e.options.steps = {0};  // what gains are measured from
      for (const auto& mark : axis.values)
        if (mark != "0") e.options.steps.push_back(std::stoll(mark));
      break;
    case Axis::permutation:
      e.options.permutation = static_cast<std::uint64_t>(n());
      break;
    case Axis::update:
      break;
  }
  return e;
}

std::string sweep_value(const SweepAxis& axis, std::size_t cell, const FewShotRow& row) {
  return axis.axis == Axis::steps ? std::to_string(row.step) : axis.values.at(cell);
}

}  // namespace metalearn
