#include "metalearn/records/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "metalearn/records/run_file_list.hpp"

namespace metalearn {
namespace {

/// Empty if the value is not finite.
std::string cell(double value) { return std::isfinite(value) ? fmt::format("{:.9g}", value) : ""; }

}  // namespace

Metrics::Metrics(const std::string& directory, std::vector<std::string> families,
                 std::vector<std::int64_t> marks, std::int64_t update, checkpoints::FileSystem& files)
    : families_(std::move(families)),
      marks_(std::move(marks)),
      file_(directory + "/" + kMetricsName, header(), update, files),
      rows_lost_(std::max<std::int64_t>(0, update - file_.rows())) {}

std::string Metrics::header() const {
  std::string h = "update,objective_first,objective_last";
  for (const auto& f : families_)
    h += fmt::format(",objective_first.{0},objective_last.{0},gradient_norm.{0}", f);
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
      line += fmt::format(",{},{},{}", cell(objective->second.first), cell(objective->second.last),
                          cell(gradient->second));
  }
  line += fmt::format(",{},{},{},{},{},{},{},{}", cell(row.gradient_norm), cell(row.clipped_share),
                      cell(row.rate), row.replaced, row.dropped, cell(row.mean_age), row.length_limit,
                      row.inner_steps);
  for (auto m : marks_) {
    std::string cells = ",,";
    for (const auto& v : row.validation)
      if (v.mark == m) cells = fmt::format(",{},{}", cell(v.objective), cell(v.accuracy));
    line += cells;
  }
  line += fmt::format(",{:.3f}\n", row.seconds);
  file_.append(line);
}

}  // namespace metalearn
