#include "metalearn/records/metrics_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace metalearn {
namespace {

std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> cells;
  while (true) {
    const auto comma = line.find(',');
    cells.emplace_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

template <class T>
bool is_number(const std::string& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

MetricsText::Row parse_row(std::size_t line, std::string_view text, const std::vector<std::string>& columns) {
  MetricsText::Row row{line, -1, split(text), ""};
  if (!is_number(row.cells[0], row.update) || row.update < 0) {
    row.update = -1;
    row.wrong = "does not begin with an update";
    return row;
  }
  if (row.cells.size() != columns.size())
    row.wrong = fmt::format("has {} cells instead of {}", row.cells.size(), columns.size());
  double value = 0;
  for (const auto& cell : row.cells)
    if (row.wrong.empty() && !cell.empty() && !is_number(cell, value))
      row.wrong = "has a cell that is not a number";
  return row;
}

}  // namespace

MetricsText parse_metrics(const std::string& text) {
  MetricsText m;
  std::size_t line = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) {
      m.torn = true;
      return m;
    }
    const std::string_view content = rest.substr(0, end);
    if (++line > 1)
      m.rows.push_back(parse_row(line, content, m.columns));
    else if (content.starts_with("update,objective_first,objective_last") && content.ends_with(",seconds"))
      m.columns = split(content);
    else
      return m;
    rest.remove_prefix(end + 1);
  }
  return m;
}

}  // namespace metalearn
