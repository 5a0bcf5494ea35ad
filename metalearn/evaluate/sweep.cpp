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

std::int64_t one_more(std::int64_t n) { return n + 1; }
std::int64_t doubled(std::int64_t n) { return 2 * n; }
/// 1, 2, 5, 10, 20, 50, ...
std::int64_t next_of_125(std::int64_t n) {
  for (std::int64_t power = 1;; power *= 10)
    for (const std::int64_t digit : {1, 2, 5})
      if (digit * power > n) return digit * power;
}

std::int64_t number_in(const std::string& value) { return std::stoll(value); }

const Axis kAxes[] = {
    {.name = "update",
     .example = "all",
     .note = "or A..B: snapshots of the run",
     .title = "Updates of theta",
     .label = "updates of theta",
     .most = 99999999,
     .of_snapshots = true},
    {.name = "width",
     .example = "16..10000",
     .note = "doublings",
     .title = "Width",
     .label = "units of each hidden layer",
     .log = true,
     .layers = CommonLayers::number,
     .least = 2,
     .most = 16384,
     .next = doubled,
     .set =
         [](FewShotSetup& e, const std::string& value) {
           e.options.hidden.assign(e.options.hidden.size(), number_in(value));
         }},
    {.name = "depth",
     .example = "1..11",
     .title = "Depth",
     .label = "hidden layers",
     .layers = CommonLayers::first,
     .least = 1,
     .most = 64,
     .next = one_more,
     .set =
         [](FewShotSetup& e, const std::string& value) {
           e.options.hidden.assign(static_cast<std::size_t>(number_in(value)), e.options.hidden.at(0));
         }},
    {.name = "activation",
     .example = "all",
     .title = "Activation",
     .label = "activation of the base model",
     .categories = true,
     .option = "activation",
     .words = activation_names,
     .set = [](FewShotSetup& e, const std::string& value) { e.rule.activation = activation_from(value); }},
    {.name = "labels",
     .example = "1..100",
     .note = "1, 2, 5, 10, ...",
     .title = "Labels",
     .label = "labels per class",
     .log = true,
     .option = "labels-per-class",
     .least = 1,
     .most = 10000,
     .next = next_of_125,
     .set =
         [](FewShotSetup& e, const std::string& value) {
           e.task.labels_per_class = static_cast<int>(number_in(value));
           e.options.labels_per_class = number_in(value);
         }},
    {.name = "steps",
     .example = "0..1000",
     .note = "0, 1, 2, 5, ...",
     .title = "Inner steps",
     .label = "inner steps",
     .log = true,
     .option = "steps",
     .most = 100000,
     .next = next_of_125,
     .one_evaluation = true,
     .set =
         [](FewShotSetup& e, const std::string& value) {
           if (value != "0") e.options.steps.push_back(number_in(value));
         }},
    {.name = "permutation",
     .example = "5",
     .note = "0 .. 5",
     .title = "Order of the inputs",
     .label = "random order of the inputs (0: as they are)",
     .categories = true,
     .option = "permutation",
     .most = 1000000,
     .next = one_more,
     .to_last = true,
     .set =
         [](FewShotSetup& e, const std::string& value) {
           e.options.permutation = static_cast<std::uint64_t>(number_in(value));
         }},
};

constexpr std::size_t kMostValues = 1000;

std::int64_t whole(const Axis& e, const std::string& text) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n < e.least || n > e.most)
    throw UsageError(fmt::format(
        "--over {}: '{}' is not a possible value (allowed: whole numbers {} .. {}, as A..B or A,B,...)",
        e.name, text, e.least, e.most));
  return n;
}

void add_range(const Axis& e, const std::string& from, const std::string& to,
               std::vector<std::string>& values) {
  const std::int64_t first = whole(e, from), last = whole(e, to);
  if (first > last)
    throw UsageError(
        fmt::format("--over {}: {}..{} is not ascending; write {}..{}", e.name, first, last, last, first));
  std::int64_t n = first;
  for (; n < last && values.size() < kMostValues; n = e.next(n)) values.push_back(std::to_string(n));
  if (n < last)
    throw UsageError(fmt::format("--over {}: {}..{} has more than {} values; list fewer, as A,B,...", e.name,
                                 first, last, kMostValues));
  values.push_back(std::to_string(last));
}

std::vector<std::string> words_of(const Axis& e, const std::vector<std::string>& words) {
  const auto& all = e.words();
  std::vector<std::string> values;
  for (const auto& word : words) {
    if (word == "all")
      values.insert(values.end(), all.begin(), all.end());
    else if (std::find(all.begin(), all.end(), word) != all.end())
      values.push_back(word);
    else
      throw UsageError(fmt::format("--over {}: '{}' is not a possible value{} (allowed: all, {})", e.name,
                                   word, did_you_mean(word, all), fmt::join(all, ", ")));
  }
  return values;
}

std::vector<std::string> numbers_of(const Axis& e, const std::vector<std::string>& words) {
  std::vector<std::string> values;
  if (e.to_last && words.size() == 1 && words[0].find("..") == std::string::npos) {
    add_range(e, "0", words[0], values);
    return values;
  }
  for (const auto& word : words) {
    if (const auto dots = word.find(".."); dots != std::string::npos)
      add_range(e, word.substr(0, dots), word.substr(dots + 2), values);
    else
      values.push_back(std::to_string(whole(e, word)));
  }
  return values;
}

std::vector<std::string> updates_of(const Axis& e, const std::vector<std::string>& words,
                                    const std::vector<std::int64_t>& updates) {
  std::vector<std::string> values;
  for (const auto& word : words) {
    if (word == "all") {
      for (const auto n : updates) values.push_back(std::to_string(n));
    } else if (const auto dots = word.find(".."); dots != std::string::npos) {
      const auto first = whole(e, word.substr(0, dots)), last = whole(e, word.substr(dots + 2));
      if (first > last)
        throw UsageError(
            fmt::format("--over {}: {} is not ascending; write {}..{}", e.name, word, last, first));
      const auto before = values.size();
      for (const auto n : updates)
        if (n >= first && n <= last) values.push_back(std::to_string(n));
      if (values.size() == before)
        throw UsageError(fmt::format("--over {}: no snapshot in {} (available: {})", e.name, word,
                                     fmt::join(updates, ", ")));
    } else if (const auto n = whole(e, word); std::find(updates.begin(), updates.end(), n) != updates.end())
      values.push_back(std::to_string(n));
    else
      throw UsageError(fmt::format("--over {}: no snapshot of update {} (available: {})", e.name, n,
                                   fmt::join(updates, ", ")));
  }
  return values;
}

}  // namespace

std::span<const Axis> axes() { return kAxes; }

const std::vector<std::string>& axis_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Axis& e : kAxes) all.emplace_back(e.name);
    return all;
  }();
  return names;
}

const Axis* find_axis(const std::string& name) {
  const auto found =
      std::find_if(std::begin(kAxes), std::end(kAxes), [&](const Axis& e) { return e.name == name; });
  return found == std::end(kAxes) ? nullptr : found;
}

std::int64_t axis_rank(const Axis& axis, const std::string& value) {
  if (!axis.words) return number_in(value);
  const auto& all = axis.words();
  return std::find(all.begin(), all.end(), value) - all.begin();
}

SweepAxis sweep_axis_from(const std::string& text, const std::vector<std::int64_t>& updates) {
  const auto equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const Axis* axis = find_axis(name);
  if (!axis)
    throw UsageError(fmt::format("--over '{}': unknown axis{}; known: {}", name,
                                 did_you_mean(name, axis_names()), fmt::join(axis_names(), ", ")));
  const auto words = split_list(equals == std::string::npos ? "" : text.substr(equals + 1));
  if (words.empty())
    throw UsageError(
        fmt::format("--over {}: no values; write --over {}=A..B or {}=A,B,...", name, name, name));
  SweepAxis sweep{axis, {}};
  for (const auto& value : axis->of_snapshots ? updates_of(*axis, words, updates)
                           : axis->words      ? words_of(*axis, words)
                                              : numbers_of(*axis, words))
    if (std::find(sweep.values.begin(), sweep.values.end(), value) == sweep.values.end())
      sweep.values.push_back(value);
  if (axis->one_evaluation)
    std::sort(sweep.values.begin(), sweep.values.end(),
              [&](const auto& a, const auto& b) { return axis_rank(*axis, a) < axis_rank(*axis, b); });
  return sweep;
}

std::size_t sweep_cells(const SweepAxis& sweep) {
  return sweep.axis->one_evaluation ? 1 : sweep.values.size();
}

FewShotSetup sweep_cell(const SweepAxis& sweep, std::size_t cell, FewShotSetup e) {
  if (sweep.axis->one_evaluation) {
    e.options.steps = {0};  // the reference of gains
    for (const auto& value : sweep.values) sweep.axis->set(e, value);
  } else if (sweep.axis->set) {
    sweep.axis->set(e, sweep.values.at(cell));
  }
  return e;
}

std::string sweep_value(const SweepAxis& sweep, std::size_t cell, const FewShotRow& row) {
  return sweep.axis->one_evaluation ? std::to_string(row.step) : sweep.values.at(cell);
}

}  // namespace metalearn
