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
      const bool header = std::none_of(fields->begin(), fields->end(), number_in);
      const auto named = header ? std::find(fields->begin(), fields->end(), "label") : fields->end();
      label = named == fields->end() ? width - 1 : static_cast<std::size_t>(named - fields->begin());
      table.columns = static_cast<std::int64_t>(width) - 1;
      if (header) {
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
      table.features.push_back(static_cast<float>(*value));
    }
  }
  if (table.labels.empty())
    throw BadData(
        fmt::format("{}: no rows; expected: lines of numbers and a label, separated by commas", file.name));
  return table;
}

}  // namespace metalearn
