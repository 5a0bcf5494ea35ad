#include "metalearn/data/formats/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "checkpoints/archive.hpp"
#include "checkpoints/error.hpp"
#include "checkpoints/utf8.hpp"

namespace metalearn {
namespace {

using checkpoints::BadData;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The fields of a line, or nothing if a quote is wrong.
std::optional<std::vector<std::string>> fields_of(std::string_view line) {
  std::vector<std::string> fields;
  for (;;) {
    const auto start = line.find_first_not_of(" \t");
    if (start != std::string_view::npos && line[start] == '"') {
      std::string field;
      std::size_t at = start + 1;
      for (;; ++at) {
        if (at == line.size()) return {};
        if (line[at] != '"')
          field += line[at];
        else if (at + 1 < line.size() && line[at + 1] == '"')
          field += line[at++];
        else
          break;
      }
      const auto comma = line.find(',', at + 1);
      if (!trimmed(line.substr(at + 1, comma == std::string_view::npos ? comma : comma - at - 1)).empty())
        return {};
      fields.push_back(std::move(field));
      line = comma == std::string_view::npos ? std::string_view() : line.substr(comma);
    } else {
      const auto comma = line.find(',');
      fields.emplace_back(trimmed(line.substr(0, comma)));
      line = comma == std::string_view::npos ? std::string_view() : line.substr(comma);
    }
    if (line.empty()) return fields;
    line.remove_prefix(1);  // the comma
  }
}

/// A number as it is written, finite or not.
std::optional<double> number_in(const std::string& field) {
  const char* first = field.data() + (field.starts_with('+') ? 1 : 0);
  double value = 0;
  const auto [end, error] = std::from_chars(first, field.data() + field.size(), value);
  if (field.empty() || end != field.data() + field.size() || error == std::errc::invalid_argument) return {};
  if (error == std::errc::result_out_of_range)
    return std::strtod(std::string(first, end).c_str(), nullptr);  // 0 or infinite
  return value;
}

std::string quoted(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  return text.size() > 40 ? text.substr(0, 40) + "..." : text;
}

bool is_label(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return name == "label";
}

/// A name that pandas gives to a column without one counts as none.
bool is_unnamed(const std::string& name) { return name.empty() || name == "Unnamed: 0"; }

/// No number, or numbers that count the columns from 0, as a data frame made of an array has them.
bool is_header(const std::vector<std::string>& fields) {
  std::size_t numbers = 0;
  bool counts = true;
  for (const std::string& field : fields)
    if (number_in(field))
      counts = counts && field == std::to_string(numbers++);
    else
      counts = counts && (is_unnamed(field) || is_label(field));
  return numbers == 0 || (counts && (numbers >= 3 || numbers < fields.size()));
}

std::size_t label_column(const std::vector<std::string>& header) {
  auto found = std::find(header.begin(), header.end(), "label");
  if (found == header.end()) found = std::find_if(header.begin(), header.end(), is_label);
  return static_cast<std::size_t>(found - header.begin()) - (found == header.end() ? 1 : 0);
}

std::string label_words(const std::vector<std::string>& header, std::size_t label) {
  const std::size_t width = header.size();
  return is_label(header[label])
             ? fmt::format("column {} of {}, '{}', by its name", label + 1, width, quoted(header[label]))
             : fmt::format("column {} of {}, '{}', the last one, since none is called 'label'", label + 1,
                           width, quoted(header[label]));
}

std::vector<double> column_of(const Table& table, std::size_t column) {
  std::vector<double> values;
  for (std::size_t at = column; at < table.features.size(); at += static_cast<std::size_t>(table.columns))
    values.push_back(table.features[at]);
  return values;
}

/// 0, 1, 2, ... or 1, 2, 3, ...
bool counts_rows(const std::vector<double>& values) {
  if (values.size() < 2 || (values[0] != 0 && values[0] != 1)) return false;
  for (std::size_t i = 1; i < values.size(); ++i)
    if (values[i] != values[i - 1] + 1) return false;
  return true;
}

/// Distinct whole numbers, in any order: a part of a table keeps the numbers of its rows.
bool numbers_rows(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.size() >= 2 &&
         std::all_of(values.begin(), values.end(), [](double v) { return v >= 0 && v == std::floor(v); }) &&
         std::adjacent_find(values.begin(), values.end()) == values.end();
}

void drop_column(Table& table, std::size_t column) {
  std::size_t to = 0;
  for (std::size_t from = 0; from < table.features.size(); ++from)
    if (from % static_cast<std::size_t>(table.columns) != column) table.features[to++] = table.features[from];
  table.features.resize(to);
  table.names.erase(table.names.begin() + static_cast<std::ptrdiff_t>(column));
  --table.columns;
}

/// Numbers of rows tell the class of rows that are sorted by it.
void judge_row_numbers(Table& table, const std::string& file) {
  for (std::size_t c = table.names.size(); c-- > 0;)
    if (table.columns > 1 && is_unnamed(table.names[c]) && numbers_rows(column_of(table, c))) {
      drop_column(table, c);
      table.notes.push_back(fmt::format(
          "{}: column {} of the features has no name and numbers the rows: it is left out; give it "
          "a name to keep it",
          file, c + 1));
    }
  for (std::size_t c = 0; c < static_cast<std::size_t>(table.columns); ++c)
    if (counts_rows(column_of(table, c)))
      table.notes.push_back(fmt::format(
          "{}: column {} of the features{} counts the rows, and tells their class where they are sorted; if "
          "it is an index, remove it",
          file, c + 1, table.names.empty() ? "" : fmt::format(", '{}',", quoted(table.names[c]))));
}

}  // namespace

Table parse_csv(const FileBytes& file) {
  if (file.ends_early)
    throw BadData(fmt::format("{}: truncated: the gzip stream ends early; download it again", file.name));
  std::string_view text(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size());
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (std::size_t at = 0; at < text.size();)
    if (!checkpoints::next_code_point(text, at))
      throw BadData(fmt::format("{}: not UTF-8 at byte {}; convert it to UTF-8", file.name, at));

  Table table;
  std::size_t width = 0, label = 0;
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trimmed(line).empty()) continue;
    const auto refuse = [&](const std::string& what) {
      return BadData(fmt::format("{}:{}: {}", file.name, number, what));
    };
    auto fields = fields_of(line);
    if (!fields)
      throw refuse(
          "a quote does not enclose a whole field; close it at the end of the field, on the same line");
    if (width == 0) {
      width = fields->size();
      if (width < 2)
        throw refuse("only one field (expected: numbers and a label, separated by commas); correct the row");
      const bool header = is_header(*fields);
      label = header ? label_column(*fields) : width - 1;
      table.columns = static_cast<std::int64_t>(width) - 1;
      table.label_note =
          header ? label_words(*fields, label)
                 : fmt::format("column {} of {}, the last one, since there is no header", width, width);
      if (!header)
        table.notes.push_back(
            fmt::format("{}: no header: its first row is data; if that row is a header, give its columns "
                        "names that are not numbers",
                        file.name));
      if (header) {
        if (std::any_of(fields->begin(), fields->end(), number_in))
          table.notes.push_back(fmt::format(
              "{}: its first row numbers the columns: taken as a header, not as data", file.name));
        table.names = std::move(*fields);
        table.names.erase(table.names.begin() + static_cast<std::ptrdiff_t>(label));
        continue;
      }
    }
    if (fields->size() != width)
      throw refuse(fmt::format("{} fields ({} expected, as in the first row); correct the row",
                               fields->size(), width));
    for (std::size_t i = 0; i < width; ++i) {
      std::string& field = (*fields)[i];
      if (i == label) {
        if (field.empty()) throw refuse("no label; add one or remove the row");
        if (!checkpoints::is_proper_name(field))
          throw refuse(
              fmt::format("the label has control characters or more than {} bytes; correct or shorten it",
                          checkpoints::kMaxNameBytes));
        table.labels.push_back(std::move(field));
        continue;
      }
      const auto value = number_in(field);
      if (!value || !std::isfinite(static_cast<float>(*value)))
        throw refuse(fmt::format("field {} is '{}', not a finite number; correct it or remove the row", i + 1,
                                 quoted(field)));
      table.features.push_back(*value);
    }
  }
  if (table.labels.empty())
    throw BadData(
        fmt::format("{}: no rows; expected: lines of numbers and a label, separated by commas", file.name));
  judge_row_numbers(table, file.name);
  return table;
}

}  // namespace metalearn
