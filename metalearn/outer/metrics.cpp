#include "metalearn/outer/metrics.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "checkpoints/error.hpp"

namespace metalearn {
namespace {

[[noreturn]] void refuse(const std::string& path, const char* step = "write") {
  throw checkpoints::can_not_write(path, step, errno);
}

/// An empty cell where there is nothing to say.
std::string cell(double value) { return std::isfinite(value) ? fmt::format("{:.9g}", value) : ""; }

struct Kept {
  std::size_t bytes = 0;
  std::int64_t rows = 0;
};

/// The header and the whole rows up to `update`; a row torn by a kill ends them.
Kept kept(std::string_view text, std::string_view header, std::int64_t update) {
  Kept k{header.size()};
  while (true) {
    const std::size_t line_end = text.find('\n', k.bytes);
    if (line_end == std::string_view::npos) return k;
    std::int64_t row = 0;
    const auto parsed = std::from_chars(text.data() + k.bytes, text.data() + line_end, row);
    if (parsed.ec != std::errc{} || row > update) return k;
    k = {line_end + 1, k.rows + 1};
  }
}

}  // namespace

Metrics::Metrics(const std::string& directory, std::vector<std::string> families, std::vector<std::int64_t> marks, std::int64_t update, checkpoints::FileSystem& files)
    : files_(files), path_(directory + "/metrics.csv"), families_(std::move(families)), marks_(std::move(marks)) {
  std::string text;
  try {
    text = checkpoints::read_text(files_, path_).value_or("");
  } catch (const checkpoints::NoInput& e) {
    throw checkpoints::IoError(e.what());
  }
  const std::string expected = header();
  const bool whole = text.starts_with(expected);
  if (!whole && update > 0 && text.find('\n') != std::string::npos)
    throw checkpoints::BadData(path_ + ": its columns are not those of this run; move it away to start a new one");

  file_ = files_.open(path_, O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (file_ < 0) refuse(path_);
  try {
    const Kept keep = whole ? kept(text, expected, update) : Kept{};
    rows_lost_ = std::max<std::int64_t>(0, update - keep.rows);
    if (files_.ftruncate(file_, static_cast<off_t>(keep.bytes)) != 0) refuse(path_);
    if (keep.bytes == 0) write(expected);
  } catch (...) {
    files_.close(file_);
    throw;
  }
}

Metrics::~Metrics() { files_.close(file_); }

std::string Metrics::header() const {
  std::string h = "update,objective_first,objective_last";
  for (const auto& f : families_) h += fmt::format(",objective_first.{0},objective_last.{0},gradient_norm.{0}", f);
  h += ",gradient_norm,clipped_share,rate,replaced,dropped,mean_age,length_limit,inner_steps";
  for (auto m : marks_) h += fmt::format(",validation_objective.{0},validation_accuracy.{0}", m);
  return h + ",seconds\n";
}

void Metrics::append(const MetricsRow& row) {
  std::string line = fmt::format("{},{},{}", row.update, cell(row.objective.first), cell(row.objective.last));
  for (const auto& f : families_) {
    const auto objective = row.by_family.find(f);
    const auto gradient = row.gradient_by_family.find(f);
    if (objective == row.by_family.end() || gradient == row.gradient_by_family.end())
      line += ",,,";
    else
      line += fmt::format(",{},{},{}", cell(objective->second.first), cell(objective->second.last), cell(gradient->second));
  }
  line += fmt::format(",{},{},{},{},{},{},{},{}", cell(row.gradient_norm), cell(row.clipped_share), cell(row.rate), row.replaced, row.dropped,
                      cell(row.mean_age), row.length_limit, row.inner_steps);
  for (auto m : marks_) {
    std::string cells = ",,";
    for (const auto& v : row.validation)
      if (v.mark == m) cells = fmt::format(",{},{}", cell(v.objective), cell(v.accuracy));
    line += cells;
  }
  line += fmt::format(",{:.3f}\n", row.seconds);
  write(line);
}

void Metrics::write(std::string_view text) {
  if (!checkpoints::write_all(files_, file_, std::as_bytes(std::span(text)))) refuse(path_);
}

void Metrics::flush() {
  if (!checkpoints::sync_file(files_, file_)) refuse(path_, "fsync");
}

}  // namespace metalearn
