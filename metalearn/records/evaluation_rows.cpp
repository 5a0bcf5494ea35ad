#include "metalearn/records/evaluation_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <sstream>

#include "checkpoints/error.hpp"

namespace metalearn {
namespace {

std::string cell(double value) { return std::isfinite(value) ? fmt::format("{:.9g}", value) : ""; }

}  // namespace

std::string evaluation_rows_header() {
  return "update,data,step,accuracy_mean,accuracy_se,objective_mean,objective_se,seeds,source\n";
}

std::string evaluation_rows(std::int64_t update, const std::vector<FewShotRow>& rows,
                            const std::map<std::string, std::string>& sources) {
  std::string text;
  for (const auto& row : rows)
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{},{},{}\n", update, row.data, row.step,
                   cell(row.accuracy_mean), cell(row.accuracy_se), cell(row.objective_mean),
                   cell(row.objective_se), row.seeds, sources.contains(row.data) ? sources.at(row.data) : "");
  return text;
}

void require_same_sources(const std::string& text, std::int64_t update,
                          const std::map<std::string, std::string>& sources, const std::string& path) {
  if (!text.starts_with(evaluation_rows_header())) return;  // the code that opens it reports the error
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::string data = line.substr(std::min(line.size(), line.find(',') + 1)),
                      name = data.substr(0, data.find(','));
    const auto source = sources.find(name);
    if (source == sources.end() || line.substr(line.rfind(',') + 1) == source->second ||
        std::atoll(line.c_str()) > update || lines.eof())
      continue;
    throw checkpoints::UsageError(
        fmt::format("{}: its '{}' was another data set, or the same one with other files; give the new one "
                    "another name (--eval-data NAME=DIR), or move that file away",
                    path, name));
  }
}

Scalars scalars_of(const std::vector<FewShotRow>& rows) {
  Scalars s;
  for (const auto& row : rows) {
    s.emplace_back(fmt::format("evaluation_accuracy/{}.{}", row.data, row.step), row.accuracy_mean);
    s.emplace_back(fmt::format("evaluation_objective/{}.{}", row.data, row.step), row.objective_mean);
  }
  return s;
}

Event evaluation_event(std::int64_t update, const std::vector<FewShotRow>& rows) {
  std::vector<std::string> found;
  for (auto set = rows.begin(); set != rows.end();) {
    const auto end =
        std::find_if(set, rows.end(), [&](const FewShotRow& row) { return row.data != set->data; });
    const std::vector<FewShotRow> of_set(set, end);
    const auto* best = best_mark(of_set);
    const std::string start =
        of_set.front().step == 0 && std::isfinite(of_set.front().accuracy_mean)
            ? fmt::format(" (random initialisation {:.4f})", of_set.front().accuracy_mean)
            : "";
    found.push_back(best ? fmt::format("{} {:.4f} after {} inner steps, its best evaluation step{}",
                                       best->data, best->accuracy_mean, best->step, start)
                         : set->data + " has no finite score after step 0");
    set = end;
  }
  return {EventKind::evaluated, fmt::format("evaluated update {}: {}", update, fmt::join(found, ", "))};
}

}  // namespace metalearn
