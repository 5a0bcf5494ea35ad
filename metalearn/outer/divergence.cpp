#include "metalearn/outer/divergence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>

#include "metalearn/outer/metrics_text.hpp"

namespace metalearn {

std::string divergence(const std::vector<Validated>& history) {
  std::map<std::int64_t, std::vector<ValidationPoint>> by_update;
  for (const auto& v : history) by_update[v.update].push_back(v.point);
  std::optional<std::int64_t> last_better;
  int worse = 0, far_worse = 0;  // in a row
  for (const auto& [update, points] : by_update) {
    const auto start = std::find_if(points.begin(), points.end(), [](const ValidationPoint& p) { return p.mark == 0; });
    if (start == points.end()) return "";
    const auto some = [&](const auto& is) { return std::any_of(points.begin(), points.end(), [&](const ValidationPoint& p) { return p.mark > 0 && is(p); }); };
    if (some([&](const ValidationPoint& p) { return p.objective < start->objective || p.accuracy > start->accuracy; })) {
      last_better = update;
      worse = far_worse = 0;
      continue;
    }
    ++worse;
    far_worse = some([&](const ValidationPoint& p) { return p.objective <= start->objective + kFarWorse; }) ? 0 : far_worse + 1;
  }
  if ((last_better ? worse : far_worse) < kWorseValidations) return "";
  const std::string since = fmt::format("in the last {} validations, the last at update {}, it made {}worse ones after any number of inner steps", kWorseValidations, by_update.rbegin()->first, last_better ? "" : "far ");
  return last_better ? fmt::format("theta made better representations than random initialisation, the last time at update {}, and {}", *last_better, since)
                     : fmt::format("theta never made better representations than random initialisation, and {}", since);
}

void WindowWatch::add(std::int64_t update, double objective) {
  if (!std::isfinite(objective)) return;
  const double rounded = std::strtod(fmt::format("{:.9g}", objective).c_str(), nullptr);
  if (update == 1) first_ = rounded;
  last_.push_back(rounded);
  if (last_.size() > kUpdates) last_.pop_front();
}

void WindowWatch::add(const std::string& metrics_text, std::int64_t update) {
  const MetricsText m = parse_metrics(metrics_text);
  const auto column = static_cast<std::size_t>(std::find(m.columns.begin(), m.columns.end(), "objective_last") - m.columns.begin());
  for (const auto& row : m.rows)
    if (row.wrong.empty() && row.update <= update && column < row.cells.size() && !row.cells[column].empty()) add(row.update, std::strtod(row.cells[column].c_str(), nullptr));
}

std::string WindowWatch::suspicion() const {
  if (!first_ || last_.size() < kUpdates) return "";
  const double mean = std::accumulate(last_.begin(), last_.end(), 0.0) / static_cast<double>(last_.size());
  if (mean <= *first_ + kMargin) return "";
  return fmt::format("the objective of the windows was {:.3f} in the first update, and is {:.3f} on average over the last {}", *first_, mean, kUpdates);
}

}  // namespace metalearn
