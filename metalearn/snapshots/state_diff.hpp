// StateDiff: differences between two snapshots of runs, or the metrics of two runs, in everything that the
// next update depends on. Compares bits, not values: -0 is not 0.
//
// Configuration keys that only set how far, how fast and how safely a run goes (threads, updates, save-every,
// ...), the program's version and the level of its kernels are reported as notes. Functions without state.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metalearn/records/metrics_text.hpp"
#include "metalearn/snapshots/run_snapshot.hpp"

namespace metalearn {

/// One array, counter, key or column of rows that differs.
struct Difference {
  std::string where;  ///< "theta/top_delta/conv0/w", "counters:update", "config:inner-rate", "metrics.csv,
                      ///< update 7: rate"
  std::string a, b;   ///< the first two numbers that differ, in digits that keep their bits; or texts, or
                      ///< shapes, or "nothing"
  std::vector<std::int64_t> index = {};  ///< of these numbers in an array
  std::size_t differing = 0;             ///< how many numbers (or rows) differ; 0 of 0 if not applicable
  std::size_t of = 0;
};

/// "theta/top_delta/conv0/w [2, 0]: 0.5 against 0.25; 17 of 64 differ"
std::string to_text(const Difference& difference);

struct StateDiff {
  std::vector<Difference> differences;  ///< configuration, data, counters, theta, its average, optimiser,
                                        ///< in-flight tasks, validation
  std::vector<Difference> notes;
  bool same() const { return differences.empty(); }
};

StateDiff diff_states(const RunSnapshot& a, const RunSnapshot& b);

/// Compares the rows of updates after `from` and up to `to` that both have, without `seconds`. At most one
/// difference: the first.
struct MetricsDiff {
  std::vector<Difference> differences;
  std::size_t compared = 0;  ///< rows
};
MetricsDiff diff_metrics(const MetricsText& a, const MetricsText& b, std::int64_t from, std::int64_t to);

/// The first update up to `to` for which only one of the two has a row, if both have rows at all.
std::optional<Difference> unmatched_row(const MetricsText& a, const MetricsText& b, std::int64_t to);

}  // namespace metalearn
