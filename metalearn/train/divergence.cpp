#include "metalearn/train/divergence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <numeric>

#include "metalearn/records/metrics_text.hpp"

namespace metalearn {

bool tells_divergence(const Config& config) {
  return config.validate_steps.front() == 0 && config.validate_steps.back() > 0;
}

std::string divergence(const std::vector<Validated>& history, const Config& config) {
  if (!tells_divergence(config)) return "";
  std::map<std::int64_t, std::vector<ValidationPoint>> by_update;
  for (const auto& v : history) by_update[v.update].push_back(v.point);
  constexpr double kNever = std::numeric_limits<double>::infinity();
  std::optional<std::int64_t> last_better;
  std::vector<double> worse,
      far_worse;  // consecutive: excess of the objective at the best evaluation step; infinite if nothing is
                  // finite
  for (const auto& [update, points] : by_update) {
    const auto start =
        std::find_if(points.begin(), points.end(), [](const ValidationPoint& p) { return p.mark == 0; });
    if (start == points.end()) return "";
    double objective = kNever, accuracy = -kNever;  // at the best evaluation steps, relative to step 0
    for (const auto& p : points)
      if (p.mark > 0)
        objective = std::min(objective, p.objective - start->objective),
        accuracy = std::max(accuracy, p.accuracy - start->accuracy);
    if (objective < -kMargin || accuracy > kMargin) last_better = update;
    const auto count = [&](std::vector<double>& row, double margin) {
      if (update > config.warmup && objective > margin && accuracy < 0)
        row.push_back(objective);
      else
        row.clear();
    };
    count(worse, kMargin);
    count(far_worse, kFarWorse);
  }
  const std::vector<double>& row = last_better ? worse : far_worse;
  if (row.size() < kWorseValidations) return "";
  if (row.back() < kNever && row[row.size() - kWorseValidations] - row.back() > kMending * row.back())
    return "";
  const std::string since =
      fmt::format("in the last {} validations, up to update {}, it made {} at every evaluation step",
                  kWorseValidations, by_update.rbegin()->first,
                  row.back() == kNever ? "non-finite ones"
                  : last_better        ? "worse ones"
                                       : "far worse ones");
  return last_better
             ? fmt::format(
                   "theta made better representations than random initialisation until update {}, but {}",
                   *last_better, since)
             : fmt::format("theta never made better representations than random initialisation, and {}",
                           since);
}

WindowWatch::WindowWatch(std::int64_t windows)
    : margin_(0.3 + 2 * 0.3 / std::sqrt(static_cast<double>(windows))) {}

void WindowWatch::add(std::int64_t update, double objective) {
  if (!std::isfinite(objective)) return;
  const double rounded = std::strtod(fmt::format("{:.9g}", objective).c_str(), nullptr);
  if (update == 1) first_ = rounded;
  last_.push_back(rounded);
  if (last_.size() > kUpdates) last_.pop_front();
}

void WindowWatch::add(const std::string& metrics_text, std::int64_t update) {
  const MetricsText m = parse_metrics(metrics_text);
  const auto column = static_cast<std::size_t>(
      std::find(m.columns.begin(), m.columns.end(), "objective_last") - m.columns.begin());
  for (const auto& row : m.rows)
    if (row.wrong.empty() && row.update <= update && column < row.cells.size() && !row.cells[column].empty())
      add(row.update, std::strtod(row.cells[column].c_str(), nullptr));
}

std::string WindowWatch::suspicion() const {
  if (!first_ || last_.size() < kUpdates) return "";
  const double mean = std::accumulate(last_.begin(), last_.end(), 0.0) / static_cast<double>(last_.size());
  if (mean <= *first_ + margin_) return "";
  return fmt::format(
      "the mean objective of the windows rose from {:.3f} in the first update to {:.3f} over the last {} "
      "updates",
      *first_, mean, kUpdates);
}

}  // namespace metalearn
