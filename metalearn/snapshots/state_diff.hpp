// StateDiff: where two snapshots of runs, or the metrics of two runs, differ in what matters: everything that
// the next update depends on. Bits are compared, not values: -0 is not 0.
//
// Not of what matters are the keys of the configuration that only say how far, how fast and how safely a run
// goes (threads, updates, save-every, ...), the program's version and the level of its kernels: those are
// notes. Functions without state.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metalearn/records/metrics_text.hpp"
#include "metalearn/snapshots/run_snapshot.hpp"

namespace metalearn {

/// One array, counter, key or column of rows that is not the same in both.
struct Difference {
  std::string where;  ///< "theta/top_delta/conv0/w", "counters:update", "config:inner-rate", "metrics.csv,
                      ///< update 7: rate"
  std::string a, b;   ///< the first two numbers that differ, so that they read back with the same bits; or
                      ///< texts, or shapes, or "nothing"
  std::vector<std::int64_t> index = {};  ///< of these numbers in an array
  std::size_t differing =
      0;  ///< how many numbers (or rows) differ, of how many; 0 of 0 where neither is meant
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
/// difference: the first one.
struct MetricsDiff {
  std::vector<Difference> differences;
  std::size_t compared = 0;  ///< rows
};
MetricsDiff diff_metrics(const MetricsText& a, const MetricsText& b, std::int64_t from, std::int64_t to);

/// The first update up to `to` of which only one of the two has a row, where both have rows at all.
std::optional<Difference> unmatched_row(const MetricsText& a, const MetricsText& b, std::int64_t to);

}  // namespace metalearn
