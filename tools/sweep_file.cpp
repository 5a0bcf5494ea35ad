#include "tools/sweep_file.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <tuple>

#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"
#include "metalearn/evaluate/comparison.hpp"

namespace tools {
namespace {

using metalearn::Axis;
using metalearn::FewShotRow;

constexpr int kMaxDepth = 8;  // of lists and objects; a sweep needs 4

const char* const kColumns[] = {"data", "value", "step", "method", "accuracy_mean", "accuracy_se", "accuracy_ci95", "objective_mean", "objective_se", "gain_mean", "gain_se", "seeds", "seconds_per_step"};

Json to_json(const SweepPlace& place, const FewShotRow& row) {
  return {{"data", place.data},
          {"source", place.source},
          {"value", place.value},
          {"step", row.step},
          {"method", row.method},
          {"accuracy_mean", number(row.accuracy_mean)},
          {"accuracy_se", number(row.accuracy_se)},
          {"accuracy_ci95", number(metalearn::half_width_95(row.accuracy_se, row.seeds))},
          {"objective_mean", number(row.objective_mean)},
          {"objective_se", number(row.objective_se)},
          {"gain_mean", number(row.gain_mean)},
          {"gain_se", number(row.gain_se)},
          {"seeds", row.seeds},
          {"seconds_per_step", number(row.seconds_per_step)}};
}

bool is_of(const Json& row, const SweepPlace& place, bool whatever_source = false) {
  return row.at("data") == place.data && row.at("value") == place.value && (whatever_source || row.at("source") == place.source);
}

/// Where a value stands among those of its axis.
std::int64_t rank(Axis axis, const std::string& value) {
  if (axis != Axis::activation) return std::stoll(value);
  const auto& names = metalearn::activation_names();
  return std::find(names.begin(), names.end(), value) - names.begin();
}

std::string csv_cell(const Json& value) { return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump(); }

Json read(const std::string& path, Axis axis) {
  const auto text = checkpoints::read_text(checkpoints::posix_file_system(), path);
  if (!text) return {};
  try {
    bool is_shallow = true;  // what nests deeper is no sweep, and to print it would follow it until the stack is full
    Json json = Json::parse(*text, [&](int depth, Json::parse_event_t, Json&) { return is_shallow = is_shallow && depth <= kMaxDepth; });
    if (!is_shallow) throw std::runtime_error("nests too deep");
    if (json.at("over") != to_string(axis)) throw std::runtime_error("another axis");
    json.at("protocol");
    for (const auto& row : json.at("results")) {
      rank(axis, row.at("value").get<std::string>());
      row.at("step").get<std::int64_t>();
      for (const char* key : {"data", "source"}) row.at(key).get<std::string>();
    }
    return json;
  } catch (const std::exception&) {  // of Json, or of a value that is no number
    throw checkpoints::BadData(fmt::format("{}: is not a sweep over {} as it was written; remove it, or keep this one elsewhere (--out)", path, to_string(axis)));
  }
}

/// Of several sweeps that write to one folder one at a time. Held while it lives.
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

SweepFile::SweepFile(const std::string& folder, Axis axis, Json protocol)
    : axis_(axis), folder_(folder), json_path_(fmt::format("{}/sweep-{}.json", folder, to_string(axis))), csv_path_(fmt::format("{}/sweep-{}.csv", folder, to_string(axis))) {
  file_ = {{"over", to_string(axis)}, {"protocol", std::move(protocol)}, {"results", Json::array()}};
  take_over();
}

void SweepFile::take_over() {
  Json there = read(json_path_, axis_);
  if (there.is_null()) return;
  for (const auto& [key, value] : file_["protocol"].items())
    if (const Json was = there["protocol"].value(key, Json()); was != value)
      throw checkpoints::UsageError(fmt::format("{}: holds a sweep whose {} is {}, not {}; keep this one elsewhere (--out), or remove that", json_path_, key, was.dump(), value.dump()));
  file_ = std::move(there);
}

bool SweepFile::has(const SweepPlace& place) const {
  return std::any_of(rows().begin(), rows().end(), [&](const Json& row) { return is_of(row, place); });
}

void SweepFile::keep(const std::vector<std::pair<SweepPlace, FewShotRow>>& rows) {
  checkpoints::make_directories(checkpoints::posix_file_system(), folder_);
  const FolderLock lock(folder_);
  take_over();
  Json& results = file_["results"];
  std::vector<Json> all;
  for (const auto& row : results)
    if (std::none_of(rows.begin(), rows.end(), [&](const auto& r) { return is_of(row, r.first, true); })) all.push_back(row);
  for (const auto& [place, row] : rows) all.push_back(to_json(place, row));
  const auto order = [&](const Json& row) { return std::tuple(row["data"].get<std::string>(), rank(axis_, row["value"]), row["step"].get<std::int64_t>()); };
  std::sort(all.begin(), all.end(), [&](const Json& a, const Json& b) { return order(a) < order(b); });
  results = all;
  write();
}

void SweepFile::write() const {
  std::string csv;
  for (const char* column : kColumns) csv += (csv.empty() ? "" : ",") + std::string(column);
  csv += '\n';
  for (const auto& row : rows())
    for (const char* column : kColumns) csv += csv_cell(row.value(column, Json())) + (column == std::end(kColumns)[-1] ? '\n' : ',');
  const std::string json = file_.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  for (const auto& [path, text] : {std::pair(csv_path_, csv), std::pair(json_path_, json)}) checkpoints::write_durably(checkpoints::posix_file_system(), path, std::as_bytes(std::span(text)));
}

}  // namespace tools
