#include "metalearn/snapshots/state_diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <set>

#include "metalearn/config/config_key.hpp"

namespace metalearn {
namespace {

using checkpoints::Array;
using checkpoints::Attribute;

constexpr char kNothing[] = "nothing";

std::vector<std::int64_t> index_of(std::size_t number, const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> index(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = static_cast<std::int64_t>(number) % shape[axis];
    number /= static_cast<std::size_t>(shape[axis]);
  }
  return index;
}

std::string describe(const Array* array) {
  return array ? fmt::format("{} [{}]", checkpoints::Archive::type_name(array->data),
                             fmt::join(array->shape, ", "))
               : kNothing;
}

/// Of one type and shape.
template <class T>
void compare_numbers(const std::string& where, const std::vector<std::int64_t>& shape,
                     const std::vector<T>& a, const std::vector<T>& b, std::vector<Difference>& found) {
  Difference d{where, "", "", {}, 0, a.size()};
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(&a[i], &b[i], sizeof(T)) == 0) continue;
    if (d.differing++ == 0)
      d.a = fmt::format("{}", a[i]), d.b = fmt::format("{}", b[i]), d.index = index_of(i, shape);
  }
  if (d.differing > 0) found.push_back(std::move(d));
}

void compare_arrays(const std::string& where, const Array* a, const Array* b,
                    std::vector<Difference>& found) {
  if (!a || !b || a->shape != b->shape || a->data.index() != b->data.index()) {
    found.push_back({where, describe(a), describe(b)});
    return;
  }
  std::visit(
      [&](const auto& numbers) {
        compare_numbers(where, a->shape, numbers, std::get<std::decay_t<decltype(numbers)>>(b->data), found);
      },
      a->data);
}

/// Arrays come theta first.
std::size_t rank(const std::string& path) {
  static const std::vector<std::string> order = {"theta", "theta_average", "adam", "in_flight", "validation"};
  return static_cast<std::size_t>(std::find(order.begin(), order.end(), path.substr(0, path.find('/'))) -
                                  order.begin());
}

std::string to_text(const Attribute& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return std::visit(
      [](const auto& v) -> std::string {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(v)>>)
          return fmt::format("{}", v);
        else
          return "";  // lists: a run's snapshot has none
      },
      value);
}

using Texts = std::map<std::string, std::string>;

Texts texts(const RunSnapshot& s, const std::string& group) {
  Texts found;
  if (const auto it = s.archive.attributes().find(group); it != s.archive.attributes().end())
    for (const auto& [name, value] : it->second) found[name] = to_text(value);
  return found;
}

/// Each double has its own shortest decimal form, so equal texts mean equal bits.
void compare_texts(const std::string& group, const Texts& a, const Texts& b,
                   const std::function<std::vector<Difference>&(const std::string&)>& goes_to) {
  std::set<std::string> names;
  for (const auto* side : {&a, &b})
    for (const auto& [name, value] : *side) names.insert(name);
  for (const auto& name : names) {
    const auto x = a.find(name), y = b.find(name);
    if (x != a.end() && y != b.end() && x->second == y->second) continue;
    goes_to(name).push_back({group.empty() ? name : group + ":" + name, x == a.end() ? kNothing : x->second,
                             y == b.end() ? kNothing : y->second});
  }
}

}  // namespace

std::string to_text(const Difference& d) {
  const std::string index = d.index.empty() ? "" : fmt::format(" [{}]", fmt::join(d.index, ", "));
  return fmt::format("{}{}: {} against {}{}", d.where, index, d.a, d.b,
                     d.of > 1 ? fmt::format("; {} of {} differ", d.differing, d.of) : "");
}

StateDiff diff_states(const RunSnapshot& a, const RunSnapshot& b) {
  StateDiff diff;
  const auto matters = [&](const std::string&) -> std::vector<Difference>& { return diff.differences; };
  const auto is_noted = [&](const std::string&) -> std::vector<Difference>& { return diff.notes; };
  // Compares configurations, not their stored texts: a key that an older program did not have takes its
  // default.
  compare_texts("config", a.config.to_map(), b.config.to_map(),
                [&](const std::string& key) -> std::vector<Difference>& {
                  return config_key(key).keeps_bits ? diff.notes : diff.differences;
                });
  for (const char* group : {"data", "counters", "validation"})
    compare_texts(group, texts(a, group), texts(b, group), matters);
  compare_texts("", texts(a, ""), texts(b, ""), is_noted);

  std::set<std::pair<std::size_t, std::string>> paths;
  for (const auto* side : {&a, &b})
    for (const auto& [path, array] : side->archive.arrays()) paths.insert({rank(path), path});
  for (const auto& [group, path] : paths)
    compare_arrays(path, a.archive.find(path), b.archive.find(path), diff.differences);
  return diff;
}

MetricsDiff diff_metrics(const MetricsText& a, const MetricsText& b, std::int64_t from, std::int64_t to) {
  MetricsDiff diff;
  if (a.columns.empty() || b.columns.empty()) return diff;
  if (a.columns != b.columns) {
    const auto [x, y] = std::mismatch(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end());
    diff.differences.push_back(
        {"metrics.csv, columns", x == a.columns.end() ? kNothing : *x, y == b.columns.end() ? kNothing : *y});
    return diff;
  }
  std::map<std::int64_t, const MetricsText::Row*> rows;
  for (const auto& row : a.rows)
    if (row.wrong.empty() && row.update > from && row.update <= to) rows[row.update] = &row;
  Difference first;
  for (const auto& row : b.rows) {
    const auto other = rows.find(row.update);
    if (!row.wrong.empty() || other == rows.end()) continue;
    ++diff.compared;
    const auto& cells = other->second->cells;
    const auto [x, y] = std::mismatch(cells.begin(), cells.end() - 1,
                                      row.cells.begin());  // the last column holds the seconds
    if (x == cells.end() - 1) continue;
    if (first.differing++ > 0) continue;
    first.where = fmt::format("metrics.csv, update {}: {}", row.update,
                              a.columns[static_cast<std::size_t>(x - cells.begin())]);
    first.a = x->empty() ? kNothing : *x;
    first.b = y->empty() ? kNothing : *y;
  }
  first.of = diff.compared;
  if (first.differing > 0) diff.differences.push_back(std::move(first));
  return diff;
}

std::optional<Difference> unmatched_row(const MetricsText& a, const MetricsText& b, std::int64_t to) {
  if (a.columns.empty() || b.columns.empty()) return {};
  const auto updates = [&](const MetricsText& metrics) {
    std::set<std::int64_t> found;
    for (const auto& row : metrics.rows)
      if (row.wrong.empty() && row.update <= to) found.insert(row.update);
    return found;
  };
  const auto in_a = updates(a), in_b = updates(b);
  std::vector<std::int64_t> unmatched;
  std::set_symmetric_difference(in_a.begin(), in_a.end(), in_b.begin(), in_b.end(),
                                std::back_inserter(unmatched));
  if (unmatched.empty()) return {};
  const bool is_in_a = in_a.contains(unmatched[0]);
  return Difference{fmt::format("metrics.csv, update {}", unmatched[0]),
                    is_in_a ? "a row" : kNothing,
                    is_in_a ? kNothing : "a row",
                    {},
                    unmatched.size(),
                    static_cast<std::size_t>(to)};
}

}  // namespace metalearn
