// Config: every key of a training run, with its default, range and meaning; filled from presets, files and
// the command line.
//
// All facts about a key are in one table (config_key.hpp): reading, printing, checking, help and "did you
// mean" query it. Plain data, no thread rule.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "metalearn/model/rule_config.hpp"
#include "metalearn/tasks/task.hpp"

namespace metalearn {

struct Config {
  std::string preset = "small";
  std::vector<std::string> data;  ///< NAME or NAME=DIR, one family each

  RuleConfig rule;          ///< h-size h-layers top-size top-layers delta-size grad-channels representation
                            ///< identical-updates activation inner-rate
  TaskConfig task;          ///< resolution classes-min classes-max hidden-min hidden-max width-min width-max
                            ///< labels-per-class permute shift coefficient-targets ...
  std::int64_t batch = 64;  ///< B
  std::int64_t averages = 1;

  // Windows and in-flight tasks.
  std::int64_t tasks = 4;                         ///< M: windows per update
  std::int64_t in_flight = 16;                    ///< P: tasks in the pool, >= tasks
  std::int64_t window_min = 4, window_max = 16;   ///< k, uniform
  std::int64_t length_min = 4, length_max = 200;  ///< L, log-uniform in length_min .. the maximum in force
  std::int64_t length_start =
      16;  ///< the maximum at update 0; grows log-linearly to length_max over length_horizon updates
  std::int64_t length_horizon = 1000;

  // How the gradient of a window is estimated (windows/gradient_estimator.hpp).
  std::string estimator = "windowed";  ///< windowed, es, pes
  std::int64_t es_pairs = 4;           ///< N: antithetic pairs of perturbations of theta
  double es_sigma = 0.01;              ///< sigma: their standard deviation

  // Outer optimiser. Every schedule is a function of the update number with its own horizon, never of
  // `updates`.
  double meta_rate = 3e-3, meta_rate_final = 3e-4;
  double merge_rate = 1;     ///< factor on Adam's rate for the merge weights (specification section 8.3)
  std::int64_t warmup = 20;  ///< updates of linear warm-up
  std::int64_t decay_horizon =
      5000;  ///< updates over which the rate falls from meta_rate to meta_rate_final (cosine)
  double adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;
  double clip_task = 1.0;       ///< largest 2-norm of one task's gradient
  double clip = 1.0;            ///< largest 2-norm of the averaged gradient
  double theta_average = 0.98;  ///< decay of theta's moving average (debiased), which is used in evaluations

  // Budgets of the windows: they decide which states are kept and which are recomputed, and never change
  // bits.
  std::uint64_t memory = 0;  ///< bytes, for all windows that run at the same time and what else is in memory
                             ///< (windows/window_plan.hpp); 0: every state is kept
  std::uint64_t disk = 0;    ///< bytes for states in disk_dir
  std::string disk_dir;

  // The run.
  std::int64_t updates = 400;
  std::uint64_t seed = 0;
  int threads = 0;                 ///< 0: all cores
  std::string save_every = "10s";  ///< N updates or Ns seconds
  std::int64_t keep_newest =
      3;  ///< newest snapshots to keep, in addition to the best on meta-validation tasks
  std::int64_t keep_every = 0;       ///< updates whose multiples are saved and kept; 0: none
  std::int64_t validate_every = 50;  ///< updates; 0: never
  double journal_every = 600;  ///< seconds between saves of the progress within a window in the run directory
  bool tensorboard = false;    ///< also writes the rows of metrics.csv as TensorBoard events
  bool telemetry = false;      ///< a row per inner step of every window in steps.csv
  std::vector<std::int64_t> validate_steps = {0, 10, 25, 50, 100};  ///< evaluation steps (inner steps done)
  std::int64_t validate_tasks = 16;                                 ///< meta-validation tasks
  std::vector<std::string>
      eval_data;  ///< as `data`: sets to evaluate theta on during training, without effect on it
  std::int64_t eval_every = 500;                                 ///< updates; 0: never
  std::vector<std::int64_t> eval_steps = {0, 10, 30, 100, 300};  ///< evaluation steps (inner steps done)
  std::int64_t eval_seeds = 4;  ///< base models per set, each with its own batches

  /// Every key with its value as text, in table order: what a snapshot keeps and what `config.json` in the
  /// run directory shows.
  std::map<std::string, std::string> to_map() const;
  /// Sets one key from text. Throws checkpoints::UsageError: unknown key (with the nearest known one), a
  /// value of the wrong type or out of range (names the range).
  void set(const std::string& key, const std::string& value);
  /// Called after the keys of each source (a file, the environment, the command line), weakest source first.
  /// Earlier values give way to the keys `given` by this source: if two keys must be in order and only one of
  /// them is in `given`, the other follows it; length-start, if not in `given`, is moved into length-min ..
  /// length-max; in-flight, if neither in `given` nor in `before` (the keys of weaker sources), becomes 4 x
  /// tasks.
  void settle(const std::set<std::string>& given, const std::set<std::string>& before = {});
  /// Checks conditions on several keys (tasks <= in-flight, min <= max, ...). Throws UsageError.
  void check() const;
  /// check(), and what runs of older versions may have but new ones may not: windows longer than any length.
  /// Throws UsageError.
  void check_new() const;

  static Config from_preset(
      const std::string& name);  ///< presets.hpp; UsageError for an unknown name, which names the known ones
  static Config from_map(const std::map<std::string, std::string>& values);
};

}  // namespace metalearn
