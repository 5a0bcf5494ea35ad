#include "metalearn/outer/evaluation_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace metalearn {
namespace {

std::string cell(double value) { return std::isfinite(value) ? fmt::format("{:.9g}", value) : ""; }

}  // namespace

std::string evaluation_rows_header() { return "update,data,step,accuracy_mean,accuracy_se,objective_mean,objective_se,seeds\n"; }

std::string evaluation_rows(std::int64_t update, const std::vector<FewShotRow>& rows) {
  std::string text;
  for (const auto& row : rows)
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{},{}\n", update, row.data, row.step, cell(row.accuracy_mean), cell(row.accuracy_se), cell(row.objective_mean),
                   cell(row.objective_se), row.seeds);
  return text;
}

Scalars scalars_of(const std::vector<FewShotRow>& rows) {
  Scalars s;
  for (const auto& row : rows) {
    s.emplace_back(fmt::format("evaluation_accuracy/{}.{}", row.data, row.step), row.accuracy_mean);
    s.emplace_back(fmt::format("evaluation_objective/{}.{}", row.data, row.step), row.objective_mean);
  }
  return s;
}

std::string evaluation_event(const std::vector<FewShotRow>& rows) {
  std::vector<std::string> found;
  for (auto set = rows.begin(); set != rows.end();) {
    const auto end = std::find_if(set, rows.end(), [&](const FewShotRow& row) { return row.data != set->data; });
    const std::vector<FewShotRow> of_set(set, end);
    const auto* best = best_mark(of_set);
    found.push_back(best ? fmt::format("{} {:.4f} after {} inner steps", best->data, best->accuracy_mean, best->step) : set->data + " no finite score above step 0");
    set = end;
  }
  return fmt::format("evaluated: {}", fmt::join(found, ", "));
}

}  // namespace metalearn
