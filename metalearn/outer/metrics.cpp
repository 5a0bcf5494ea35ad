#include "metalearn/outer/metrics.hpp"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "checkpoints/error.hpp"

namespace metalearn {
namespace {

[[noreturn]] void refuse(const std::string& path) {
  throw checkpoints::can_not_write(path, "write", errno);
}

/// The text of a file; empty where there is none.
std::string text_at(checkpoints::FileSystem& files, const std::string& path) {
  if (files.is_directory(path) < 0 && errno == ENOENT) return {};
  try {
    const auto bytes = checkpoints::read_file(files, path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  } catch (const checkpoints::NoInput& e) {
    throw checkpoints::IoError(e.what());
  }
}

/// An empty cell where there is nothing to say.
std::string cell(double value) { return std::isfinite(value) ? fmt::format("{:.9g}", value) : ""; }

/// How many bytes the header and the whole rows up to `update` take; a row torn by a kill ends them.
std::size_t kept_bytes(std::string_view text, std::string_view header, std::int64_t update) {
  std::size_t end = header.size();
  while (true) {
    const std::size_t line_end = text.find('\n', end);
    if (line_end == std::string_view::npos) return end;
    std::int64_t row = 0;
    const auto parsed = std::from_chars(text.data() + end, text.data() + line_end, row);
    if (parsed.ec != std::errc{} || row > update) return end;
    end = line_end + 1;
  }
}

}  // namespace

Metrics::Metrics(const std::string& directory, std::vector<std::string> families, std::vector<std::int64_t> marks, std::int64_t update, checkpoints::FileSystem& files)
    : files_(files), path_(directory + "/metrics.csv"), families_(std::move(families)), marks_(std::move(marks)) {
  const std::string text = text_at(files_, path_);
  const std::string expected = header();
  const bool whole = text.starts_with(expected);
  rows_lost_ = !whole && update > 0;
  if (!whole && update > 0 && text.find('\n') != std::string::npos)
    throw checkpoints::BadData(path_ + ": its columns are not those of this run; move it away to start a new one");

  file_ = files_.open(path_, O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (file_ < 0) refuse(path_);
  try {
    const std::size_t keep = whole ? kept_bytes(text, expected, update) : 0;
    if (files_.ftruncate(file_, static_cast<off_t>(keep)) != 0) refuse(path_);
    if (keep == 0) write(expected);
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
  if (!checkpoints::sync_file(files_, file_)) refuse(path_);
}

}  // namespace metalearn
