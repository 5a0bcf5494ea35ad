#include "tools/cli/sweep_file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <iterator>
#include <tuple>

#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"
#include "metalearn/base/shown_text.hpp"
#include "metalearn/report/evaluation_files.hpp"

namespace tools {
namespace {

using metalearn::Axis;
using metalearn::FewShotRow;
using metalearn::SweepPlace;

/// read() checks the content in detail.
const FileKind kRows{"what a sweep found", ".json", "", [](std::string_view) { return true; }};

constexpr int kMaxDepth = 8;  // of lists and objects; a sweep needs 4

const char* const kColumns[] = {"data",
                                "value",
                                "step",
                                "method",
                                "accuracy_mean",
                                "accuracy_se",
                                "accuracy_ci95",
                                "objective_mean",
                                "objective_se",
                                "gain_mean",
                                "gain_se",
                                "seeds",
                                "seconds_per_step",
                                "source"};

std::string header() {
  std::string row;
  for (const char* column : kColumns) row += (row.empty() ? "" : ",") + std::string(column);
  return row + '\n';
}

bool is_of(const Json& row, const SweepPlace& place, bool whatever_theta = false) {
  return row.at("data") == place.data && row.at("value") == place.value && row.at("source") == place.source &&
         (whatever_theta || row.value("theta", std::string()) == place.theta);
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "missing" : value.dump();
}

/// "steps is [0,10], not [0,100]"; for theta, the first entry that differs.
std::string difference(const std::string& key, const Json& was, const Json& is) {
  if (was.is_object() && is.is_object())
    for (const auto& [part, value] : is.items())
      if (const Json other = was.value(part, Json()); other != value)
        return difference(fmt::format("{}'s {}", key, part), other, value);
  return fmt::format("{} is {}, not {}", key, text_of(was), text_of(is));
}

std::string csv_cell(const Json& value) {
  return value.is_string() ? metalearn::shown_csv(value.get<std::string>())
         : value.is_null() ? ""
                           : value.dump();
}

std::string path_of(const std::string& folder, const Axis& axis, const char* ending) {
  return fmt::format("{}/sweep-{}.{}", folder, axis.name, ending);
}

/// Null if there is no file, or a damaged one that may be replaced (is_forced).
Json read(const std::string& path, const Axis& axis, bool is_forced) {
  if (std::error_code none;
      std::filesystem::exists(path, none) && !std::filesystem::is_regular_file(path, none))
    throw checkpoints::BadData(
        fmt::format("{}: is not a regular file; remove it, or keep this sweep elsewhere (--out)", path));
  const auto text = checkpoints::read_text(checkpoints::posix_file_system(), path);
  if (!text) return {};
  try {
    bool is_shallow =
        true;  // deeper nesting is not a sweep, and printing it would recurse until the stack overflows
    Json json = Json::parse(*text, [&](int depth, Json::parse_event_t, Json&) {
      return is_shallow = is_shallow && depth <= kMaxDepth;
    });
    if (!is_shallow) throw std::runtime_error("nests too deep");
    if (json.at("over") != axis.name) throw std::runtime_error("another axis");
    if (!json.at("protocol").is_object() || !json.at("results").is_array())
      throw std::runtime_error("another kind of value");
    if (const auto steps = json["protocol"].find("steps"); steps != json["protocol"].end()) {
      const auto marks = steps->get<std::vector<std::int64_t>>();
      if (marks.empty() || marks.front() < 0 ||
          std::adjacent_find(marks.begin(), marks.end(), std::greater_equal<>()) != marks.end() ||
          !std::all_of(steps->begin(), steps->end(), [](const Json& m) { return m.is_number_integer(); }))
        throw std::runtime_error("evaluation steps that do not ascend");
    }
    for (const auto& row : json.at("results")) {
      for (const char* column : kColumns) {
        const Json& cell = row.at(column);
        const bool is_text = std::string(column) == "data" || std::string(column) == "value" ||
                             std::string(column) == "method" || std::string(column) == "source";
        if (is_text ? !cell.is_string() : !cell.is_number() && !cell.is_null())
          throw std::runtime_error("a cell of another type");
      }
      if (!row.value("theta", Json("")).is_string() || !row.at("seeds").is_number_integer())
        throw std::runtime_error("a cell of another type");
      axis_rank(axis, row.at("value").get<std::string>());
      if (!row.at("step").is_number_integer()) throw std::runtime_error("a step that is not a whole number");
    }
    return json;
  } catch (const std::exception&) {  // from Json, or a value that is not a number
    if (is_forced) return {};
    throw checkpoints::BadData(
        fmt::format("{}: is damaged or not a sweep over {}; remove it, keep this sweep elsewhere (--out), or "
                    "give --force to start again",
                    path, axis.name));
  }
}

/// Lets only one of several sweeps write to a folder at a time. Held for the lifetime of the object.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder) : file_(files_.open(folder, O_RDONLY | O_DIRECTORY, 0)) {
    if (file_ < 0) throw checkpoints::can_not_write(folder, "open", errno);
    while (files_.flock(file_, LOCK_EX) != 0)
      if (errno != EINTR) {
        files_.close(file_);
        throw checkpoints::can_not_write(folder, "flock", errno);
      }
  }
  ~FolderLock() { files_.close(file_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  checkpoints::FileSystem& files_ = checkpoints::posix_file_system();
  int file_;
};

}  // namespace

bool is_sweep_table(std::string_view text) { return text.starts_with(header()); }

SweepFile::SweepFile(const std::string& folder, const Axis& axis, Json protocol, const Arguments& arguments)
    : axis_(axis),
      folder_(folder),
      json_path_(path_of(folder, axis, "json")),
      csv_path_(path_of(folder, axis, "csv")),
      is_forced_(arguments.has("force")),
      json_out_(output_at(arguments, kRows, json_path_)),
      csv_out_(output_at(arguments, kSweepTable, csv_path_)) {
  file_ = {{"over", axis.name}, {"protocol", std::move(protocol)}, {"results", Json::array()}};
  take_over();
}

void SweepFile::take_over() {
  Json there = read(json_path_, axis_, is_forced_);
  if (there.is_null()) return;
  for (const auto& [key, value] : file_["protocol"].items())
    if (const Json was = there["protocol"].value(key, Json()); was != value) {
      if (is_forced_) return;
      throw checkpoints::UsageError(fmt::format(
          "{}: holds a sweep whose {}; keep this sweep elsewhere (--out), or give --force to start again",
          json_path_, difference(key, was, value)));
    }
  file_ = std::move(there);
}

void SweepFile::require_source(const std::string& data, const std::string& source) {
  const auto is_other = [&](const Json& row) { return row.at("data") == data && row.at("source") != source; };
  if (is_forced_) {
    Json others = Json::array();
    std::copy_if(rows().begin(), rows().end(), std::back_inserter(others),
                 [&](const Json& row) { return !is_other(row); });
    file_["results"] = std::move(others);
  }
  for (const auto& row : rows())
    if (is_other(row))
      throw checkpoints::UsageError(
          fmt::format("{}: holds rows of a data set '{}' with other files; rename this one (--data "
                      "NAME=DIR), keep the sweep elsewhere (--out), or give --force to drop those rows",
                      json_path_, data));
}

std::vector<std::int64_t> SweepFile::marks_in(const std::string& folder, const Axis& axis, bool is_forced) {
  std::vector<std::int64_t> marks;
  const Json there = read(path_of(folder, axis, "json"), axis, is_forced);
  const Json steps = there.is_null() ? Json() : there["protocol"].value("steps", Json());
  for (const auto& mark : steps) marks.push_back(mark.get<std::int64_t>());
  return marks;
}

bool SweepFile::has(const SweepPlace& place) const {
  return std::any_of(rows().begin(), rows().end(), [&](const Json& row) { return is_of(row, place); });
}

void SweepFile::keep(const std::vector<std::pair<SweepPlace, FewShotRow>>& rows) {
  checkpoints::make_directories(checkpoints::posix_file_system(), folder_);
  const FolderLock lock(folder_);
  take_over();
  for (const auto& [place, row] : rows) require_source(place.data, place.source);
  Json& results = file_["results"];
  std::vector<Json> all;
  for (const auto& row : results)
    if (std::none_of(rows.begin(), rows.end(), [&](const auto& r) { return is_of(row, r.first, true); }))
      all.push_back(row);
  for (const auto& [place, row] : rows) all.push_back(metalearn::report::row_json(place, row));
  const auto order = [&](const Json& row) {
    return std::tuple(row["data"].get<std::string>(), axis_rank(axis_, row["value"]),
                      row["step"].get<std::int64_t>());
  };
  std::sort(all.begin(), all.end(), [&](const Json& a, const Json& b) { return order(a) < order(b); });
  results = all;
  write();
}

void SweepFile::mend() const {
  if (rows().empty() || checkpoints::read_text(checkpoints::posix_file_system(), csv_path_) == csv()) return;
  const FolderLock lock(folder_);
  write();
}

std::string SweepFile::csv() const {
  std::string csv = header();
  for (const auto& row : rows())
    for (const char* column : kColumns)
      csv += csv_cell(row.value(column, Json())) + (column == std::end(kColumns)[-1] ? '\n' : ',');
  return csv;
}

void SweepFile::write() const {
  csv_out_.write(csv());
  json_out_.write(metalearn::shown_json(file_.dump(1, ' ', false, Json::error_handler_t::replace)) + "\n");
}

}  // namespace tools
