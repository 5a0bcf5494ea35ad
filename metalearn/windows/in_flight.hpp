// In-flight tasks: the pool of tasks that meta-training takes windows from, each at its own age with its own
// carried phi.
//
// A task begins with a total length L, provides a window of k inner steps at each visit, and is replaced by
// the next task id when its age reaches L (or when it turns non-finite). Everything drawn is a pure function
// of (seed, task id, age), so ids, lengths, ages, phi and particles are all that a snapshot needs.
// metalearn/SOURCES.md, "procedure". One thread uses the pool; different threads may work on different tasks
// of it.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "autodiff/parallel/parallel.hpp"
#include "metalearn/base/stop.hpp"
#include "metalearn/config/config.hpp"

namespace metalearn {

class GradientEstimator;

/// State that PES (pes.hpp) carries for a task. Empty before its first visit, and for other estimators.
struct Particles {
  std::vector<float> phi;  ///< [2N, |phi|], phi_t of each particle: +xi, then -xi, pair by pair
  std::vector<float> xi;   ///< [N, |theta|], sum of the perturbations of theta so far
};

struct InFlight {
  std::uint64_t id = 0;
  Task task;                ///< drawn again from the id after a resume
  std::string family;       ///< its data set, for the metrics
  std::int64_t length = 0;  ///< L, total inner steps
  std::int64_t age = 0;     ///< t, inner steps done
  std::vector<float> phi;   ///< phi_t; with particles, the phi that they branched off from
  Particles particles = {};
};

/// Draws task `id` with phi_0 at age 0; the pool fills in the length.
using TaskMaker = std::function<InFlight(std::uint64_t id)>;

/// L: log-uniform in length_min .. length_limit(update), where `update` is the one at which the task begins.
std::int64_t task_length(const Config& config, std::uint64_t id, std::int64_t update);
/// k: uniform in window_min .. window_max, limited to the rest of L.
std::int64_t window_length(const Config& config, const InFlight& task);
/// Age of a task of the first generation: uniform in 0 .. L - window_max (0 if that is negative), so that
/// ages are spread from the first update on and every first window has its full length. If window and length
/// are both T, it is 0 and each window is one complete unroll.
std::int64_t starting_age(const Config& config, std::uint64_t id, std::int64_t length);
/// The slots whose tasks take part in an update, in task order. Round-robin: (update * M + i) mod P for i = 0
/// .. M-1.
std::vector<std::size_t> participants(const Config& config, std::int64_t update);

class InFlightPool {
 public:
  InFlightPool(const Config& config, TaskMaker make) : config_(config), make_(std::move(make)) {}

  /// P fresh tasks, ids 0 .. P-1, each advanced to its starting age with this theta. A task that turns
  /// non-finite on the way starts at age 0, with a line in `notes`. `go_on` receives the number of tasks
  /// begun, this one included: one call at a time, from any of the threads. If it returns false, or `stop`
  /// returns true (asked window by window), the rest is skipped and fill returns false.
  bool fill(GradientEstimator& estimator, std::span<const float> theta, const autodiff::Parallel& parallel,
            const std::function<bool(std::size_t begun)>& go_on = {}, const Stop& stop = {},
            std::vector<std::string>* notes = nullptr);
  /// Restores a task of a snapshot: everything except id, length, age, phi and particles is drawn again.
  void restore(std::uint64_t id, std::int64_t length, std::int64_t age, std::vector<float> phi,
               Particles particles = {});
  void set_next_task(std::uint64_t id) { next_task_ = id; }

  /// Replaces the task in this slot by the next task, at age 0.
  void replace(std::size_t slot, std::int64_t update);

  std::vector<InFlight>& tasks() { return tasks_; }
  const std::vector<InFlight>& tasks() const { return tasks_; }
  std::uint64_t next_task() const { return next_task_; }
  const Config& config() const { return config_; }
  std::size_t slots() const { return static_cast<std::size_t>(config_.in_flight); }  ///< P
  double mean_age() const;

 private:
  InFlight begin(std::int64_t update);

  const Config& config_;
  TaskMaker make_;
  std::vector<InFlight> tasks_;
  std::uint64_t next_task_ = 0;
};

}  // namespace metalearn
