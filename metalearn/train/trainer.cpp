#include "metalearn/train/trainer.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <iterator>
#include <mutex>
#include <set>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "autodiff/parallel/parallel.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/background_saver.hpp"
#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "metalearn/base/finite.hpp"
#include "metalearn/base/word_list.hpp"
#include "metalearn/config/config_key.hpp"
#include "metalearn/optimise/schedule.hpp"
#include "metalearn/records/evaluation_rows.hpp"
#include "metalearn/records/event_file.hpp"
#include "metalearn/records/log_rows.hpp"
#include "metalearn/records/step_rows.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "metalearn/snapshots/run_snapshot.hpp"
#include "metalearn/snapshots/run_state.hpp"
#include "metalearn/train/divergence.hpp"
#include "metalearn/train/meta_batch.hpp"
#include "metalearn/train/run_folder.hpp"
#include "metalearn/train/trainer_parts.hpp"
#include "metalearn/windows/window_journals.hpp"

namespace metalearn {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Updates in a row most of whose tasks were dropped, after which a run counts as diverged.
constexpr std::int64_t kHopeless = 5;

/// save-every is "N" updates or "Ns" seconds (checked by Config).
bool save_is_due(const Config& config, std::int64_t update, double seconds) {
  if (config.keep_every > 0 && update % config.keep_every == 0) return true;
  const auto n = std::stoll(config.save_every);
  return config.save_every.back() == 's' ? seconds >= static_cast<double>(n) : update % n == 0;
}

class RunTrainer final : public Trainer {
 public:
  /// A new run, or one as `from` holds it. parts: empty where nothing is left to do. events: for the first
  /// progress report.
  RunTrainer(const Config& config, checkpoints::RunDirectory directory, std::optional<TrainerParts> parts,
             const checkpoints::Archive* from, std::vector<std::string> events,
             checkpoints::FileSystem& files)
      : config_(config),
        files_(files),
        directory_(std::move(directory)),
        parallel_(config.threads),
        pending_(std::move(events)) {
    state_ = from ? state_from(*from, config_) : RunState::begin(initial_theta(config_.rule, config_.seed));
    if (from) {
      saved_ = state_.update;
      remove_other_journals(files_, directory_.path(),
                            state_.update);  // of an update that was saved right before a kill
    }
    if (!parts) return;
    parts_ = std::move(*parts);
    pending_.insert(pending_.end(), parts_.notes.begin(), parts_.notes.end());
    if (parts_.at_once > 0) parallel_ = autodiff::Parallel(parts_.at_once);
    pool_.emplace(config_, parts_.make_task);
    if (!from) return;
    restore_pool(*from, *pool_);
    open_files();
  }

  /// Spreads the ages of a new run's tasks and saves update 0. False where on_progress or stop ended it.
  bool begin(const OnProgress& on_progress, const Stop& stop) {
    const auto go_on = [&](std::size_t begun) {
      Progress p;
      p.updates = config_.updates;
      p.events = {fmt::format("preparing task {} of {}", begun, pool_->slots())};
      return on_progress(p);
    };
    if (!pool_->fill(*parts_.estimator, state_.theta, parallel_,
                     on_progress ? std::function<bool(std::size_t)>(go_on) : nullptr, stop, &pending_))
      return false;
    open_files();
    parts_.estimator->forget_progress();  // of a run that was here before
    save();
    saver_->wait();
    return true;
  }

  const Config& config() const override { return config_; }
  std::string newest_snapshot() const override {
    return checkpoints::snapshot_path(directory_.path(), saved_);
  }
  std::int64_t update() const override { return state_.update; }
  std::string memory_plan() const override { return parts_.memory_plan; }
  bool has_progress() const override { return parts_.estimator && parts_.estimator->has_progress(); }
  std::string lost_progress() const override { return lost_progress_; }
  const std::vector<float>& theta() const override { return state_.theta; }
  const std::vector<float>& theta_average() const override { return state_.theta_average; }

  void run(const OnProgress& on_update, const Stop& stop) override {
    lost_progress_.clear();
    bool go_on = true;
    while (go_on && state_.update < config_.updates) {
      const auto progress = logged_update(stop);
      if (!progress) break;
      saver_->check();
      go_on = on_update(*progress);
      if (state_.consecutive_failures >= kHopeless)
        end_as_diverged(
            fmt::format("in {} updates in a row most tasks were dropped, in the last one: {}; that is the "
                        "theta of update {}, snapshots from before it stay",
                        state_.consecutive_failures, first_drop(progress->events),
                        state_.update - state_.consecutive_failures));
      if (const std::string why = is_validated(state_.update) ? divergence(state_.validation, config_) : "";
          !why.empty())
        end_as_diverged(fmt::format("{}; {}; {}", why, worst_, good_snapshot()));
      const auto winner = best(state_.validation);
      const bool is_best = winner && winner->update == state_.update;
      const bool took_long = parts_.estimator->has_progress();
      if (is_best || took_long || save_is_due(config_, state_.update, progress->seconds_since_save)) save();
      if (took_long) {
        saver_->wait();
        parts_.estimator->forget_progress();
      }
    }
    if (!saver_) return;  // nothing was left to do
    if (saved_ != state_.update) save();
    saver_->wait();
    parts_.estimator->release_memory();  // whoever looks at the run next needs some
  }

 private:
  bool is_ever_validated() const { return parts_.validate && config_.validate_every > 0; }
  bool is_ever_judged() const { return is_ever_validated() && tells_divergence(config_); }
  bool is_validated(std::int64_t update) const {
    return is_ever_validated() && update % config_.validate_every == 0;
  }

  bool is_evaluated(std::int64_t update) const {
    return parts_.evaluate && config_.eval_every > 0 && update % config_.eval_every == 0;
  }

  /// Of a file of this run, which the disk may refuse.
  std::string text_of(const std::string& path) const {
    try {
      return checkpoints::read_text(files_, path).value_or("");
    } catch (const checkpoints::NoInput& e) {
      throw checkpoints::IoError(e.what());
    }
  }

  void open_files() {
    const std::string evaluations = directory_.path() + "/" + kEvaluationRowsName;
    if (parts_.evaluate)
      require_same_sources(text_of(evaluations), state_.update, parts_.eval_sources, evaluations);
    parts_.estimator->keep_progress_in(directory_.path(), parts_.provenance);
    directory_.write_text("config.json", nlohmann::json(config_.to_map()).dump(2) + "\n");
    directory_.adopt("metrics.csv");
    watch_.add(text_of(directory_.path() + "/metrics.csv"), state_.update);
    is_suspicious_ = !watch_.suspicion().empty();
    metrics_.emplace(directory_.path(), parts_.families,
                     config_.validate_every > 0 ? config_.validate_steps : std::vector<std::int64_t>{},
                     state_.update, files_);
    if (config_.telemetry) {
      directory_.adopt(kStepRowsName);
      step_rows_.emplace(directory_.path() + "/" + kStepRowsName, step_rows_header(), state_.update, files_);
    }
    if (parts_.evaluate) {
      directory_.adopt(kEvaluationRowsName);
      evaluation_rows_.emplace(evaluations, evaluation_rows_header(), state_.update, files_);
    }
    directory_.adopt(kLogName);
    log_.emplace(directory_.path() + "/" + kLogName, log_rows_header(), state_.update, files_);
    if (config_.tensorboard)
      directory_.adopt(events_.emplace(directory_.path(), state_.update, files_).name());
    saver_.emplace(directory_, [this] {  // the rows up to a snapshot are on the disk before it is
      metrics_->flush();
      if (step_rows_) step_rows_->flush();
      if (evaluation_rows_) evaluation_rows_->flush();
      log_->flush();
    });
    if (const auto lost = metrics_->rows_lost(); lost > 0)
      pending_.push_back(
          fmt::format("{}/metrics.csv lacks {} of the {} rows up to the snapshot; it goes on with update {}",
                      directory_.path(), lost, state_.update, state_.update + 1));
    log_->append(log_rows(state_.update, pending_));
  }

  /// Which window ended with the highest objective.
  static std::string worst_window(const std::vector<GradientEstimate>& estimates,
                                  const std::vector<InFlight>& tasks, const MetaBatch& batch) {
    std::optional<std::size_t> worst;
    for (std::size_t i = 0; i < tasks.size(); ++i)
      if (!batch.dropped[i] && (!worst || estimates[i].objective_last > estimates[*worst].objective_last))
        worst = i;
    if (!worst) return "all windows were dropped: " + first_drop(batch.events);
    return fmt::format("the highest objective, {:.3f}, is that of task {} ({}) at step {}",
                       estimates[*worst].objective_last, tasks[*worst].id, tasks[*worst].family,
                       tasks[*worst].age);
  }

  /// The one that is better than random initialisation, where there is one.
  std::string good_snapshot() const {
    const auto chosen = best(state_.validation);
    const bool is_better =
        chosen && std::any_of(state_.validation.begin(), state_.validation.end(), [&](const Validated& v) {
          return v.update == chosen->update && v.point.mark == 0 && v.point.accuracy < chosen->point.accuracy;
        });
    return is_better ? fmt::format("the best snapshot, of update {}, is still there", chosen->update)
                     : "no snapshot has a higher accuracy than random initialisation";
  }

  /// one_update(), of which the log also has why it ended the run.
  std::optional<Progress> logged_update(const Stop& stop) {
    try {
      return one_update(stop);
    } catch (const checkpoints::Diverged& e) {
      saver_->wait();
      log_->append(log_rows(state_.update, {e.what()}));
      log_->flush();
      throw;
    }
  }

  [[noreturn]] void end_as_diverged(const std::string& why) {
    const std::string message = fmt::format(
        "training diverged: {}; start anew from a smaller meta-rate, merge-rate or inner-rate", why);
    saver_->wait();
    log_->append(log_rows(state_.update, {message}));
    log_->flush();
    throw checkpoints::Diverged(fmt::format("{}: {}", directory_.path(), message));
  }

  static std::string first_drop(const std::vector<std::string>& events) {
    const auto drop =
        std::find_if(events.begin(), events.end(), [](const auto& e) { return e.starts_with("dropped "); });
    return drop == events.end() ? "" : *drop;
  }

  /// Windows of M tasks, one step of Adam, tasks replaced, theta validated where it is time, a row of
  /// metrics. Works on copies and takes them over at the end: where `stop` comes first the result is empty
  /// and nothing has changed, but for what is kept of windows under way. Nothing here looks at the clock but
  /// to report it.
  std::optional<Progress> one_update(const Stop& stop) {
    const auto start = Clock::now();
    const auto slots = participants(config_, state_.update);
    std::vector<InFlight> tasks;
    for (auto slot : slots) tasks.push_back(pool_->tasks()[slot]);
    std::vector<GradientEstimate> estimates(slots.size());
    std::mutex mutex;
    std::atomic<bool> stopped =
        false;  // also by a window that failed: the others are not to go on for hours before it is told
    const Stop either = [&] { return stopped || asked(stop); };
    parallel_.for_each(slots.size(), [&](std::size_t i) {
      try {
        if (either())
          stopped = true;
        else
          estimates[i] = estimate(tasks[i], either);
      } catch (const autodiff::UnrollStopped& e) {
        stopped = true;
        const std::lock_guard lock(mutex);
        if (!e.lost.empty()) lost_progress_ = e.lost;
      } catch (...) {
        stopped = true;
        throw;
      }
    });
    if (stopped) return {};

    MetricsRow row;
    std::vector<const InFlight*> moved;
    for (const auto& task : tasks) moved.push_back(&task);
    MetaBatch batch = reduce(estimates, moved, config_.clip_task, row);
    worst_ = worst_window(estimates, tasks, batch);
    row.rate = meta_rate(config_, state_.update);
    RunState next = state_;
    apply(batch, row.rate, next);
    row.update = ++next.update;
    row.length_limit = length_limit(config_, next.update);
    if (is_validated(next.update) && !validate(next, row, batch.events, stop)) return {};
    std::vector<FewShotRow> evaluated;
    if (is_evaluated(next.update)) {
      evaluated = parts_.evaluate(next.theta_average, stop);
      if (evaluated.empty()) return {};
      batch.events.push_back(evaluation_event(next.update, evaluated));
    }

    state_ = std::move(next);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      for (const auto& note : estimates[i].notes)
        batch.events.push_back(fmt::format("task {} ({}): {}", tasks[i].id, tasks[i].family, note));
      waited_ += estimates[i].waited_seconds;
    }
    std::string steps;
    for (std::size_t i = 0; i < slots.size() && config_.telemetry; ++i)
      if (!batch.dropped[i]) steps += step_rows(state_.update, tasks[i], estimates[i]);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const bool done = tasks[i].age >= tasks[i].length;
      row.replaced += !batch.dropped[i] && done;
      if (batch.dropped[i] || done)
        pool_->replace(slots[i], state_.update);
      else
        pool_->tasks()[slots[i]] = std::move(tasks[i]);
    }
    row.mean_age = pool_->mean_age();
    row.seconds = seconds_since(start);
    const auto writing = Clock::now();  // which may have to wait for the saver's fsync of the same file
    metrics_->append(row);
    if (step_rows_) step_rows_->append(steps);
    if (evaluation_rows_)
      evaluation_rows_->append(evaluation_rows(row.update, evaluated, parts_.eval_sources));
    if (events_) {
      Scalars scalars = scalars_of(row);
      const Scalars of_sets = scalars_of(evaluated);
      scalars.insert(scalars.end(), of_sets.begin(), of_sets.end());
      events_->append(row.update, scalars);
    }
    stall_ += seconds_since(writing);
    watch_.add(row.update, row.objective.last);
    const std::string suspicion = watch_.suspicion();
    if (!suspicion.empty() && !is_suspicious_)
      batch.events.push_back(
          fmt::format("the training may have diverged: {}; {}; {}", suspicion, worst_,
                      is_ever_judged() ? "validations decide that"
                                       : "validations (validate-every, with mark 0 and others) would tell"));
    is_suspicious_ = !suspicion.empty();
    log_->append(log_rows(row.update, batch.events));
    batch.events.insert(batch.events.begin(), std::make_move_iterator(pending_.begin()),
                        std::make_move_iterator(pending_.end()));  // which the log has
    pending_.clear();
    return report(row, std::move(batch.events));
  }

  GradientEstimate estimate(InFlight& task, const Stop& stop) const {
    try {
      return parts_.estimator->estimate(state_.theta, task, state_.update, stop);
    } catch (const autodiff::RecomputationMismatch& e) {
      throw checkpoints::MachineFault(fmt::format(
          "{}: update {}, task {} ({}): the state before inner step {} {}; the newest snapshot is good, and "
          "a resume starts this window again",
          directory_.path(), state_.update + 1, task.id, task.family, task.age + e.step, e.reason));
    }
  }

  /// Where most windows were dropped theta and the optimiser stay as they are: the rest says little, and what
  /// is saved meanwhile is from before.
  void apply(MetaBatch& batch, double rate, RunState& state) const {
    const auto dropped = std::count(batch.dropped.begin(), batch.dropped.end(), true);
    state.consecutive_failures = dropped > batch.applied ? state.consecutive_failures + 1 : 0;
    if (batch.applied == 0 || state.consecutive_failures > 0) return;
    clip_norm(batch.gradient, config_.clip);
    adam_step({config_.adam_beta1, config_.adam_beta2, config_.adam_epsilon}, rate, batch.gradient,
              state.adam, state.theta, rate_scale_);
    average_theta(config_.theta_average, state.adam.steps, state.theta, state.theta_average);
    if (!all_finite(state.theta))
      throw checkpoints::Diverged(
          fmt::format("{}: theta left the range of float32 at update {}; {}; the newest snapshot is from "
                      "before that, start anew with a smaller clip or meta-rate",
                      directory_.path(), state.update + 1, worst_));
  }

  /// False where it was stopped.
  bool validate(RunState& state, MetricsRow& row, std::vector<std::string>& events, const Stop& stop) const {
    const auto points = parts_.validate(state.theta_average, stop);
    if (points.empty()) return false;
    for (const auto& point : points) {
      if (!std::isfinite(point.objective) || !std::isfinite(point.accuracy)) {
        events.push_back(
            fmt::format("validation: the objective is not finite after {} inner steps", point.mark));
        continue;
      }
      row.validation.push_back(point);
      state.validation.push_back({state.update, point});
    }
    return true;
  }

  Progress report(const MetricsRow& row, std::vector<std::string> events) {
    Progress p;
    p.update = state_.update;
    p.updates = config_.updates;
    p.objective_first = row.objective.first;
    p.objective_last = row.objective.last;
    p.gradient_norm = row.gradient_norm;
    p.inner_steps = row.inner_steps;
    p.seconds = row.seconds;
    p.replaced = row.replaced;
    p.dropped = row.dropped;
    p.events = std::move(events);
    p.seconds_since_save = seconds_since(saved_at_);
    p.save_stall = std::exchange(stall_, 0.0);
    p.disk_wait = std::exchange(waited_, 0.0);
    std::vector<Validated> now;
    for (const auto& point : row.validation) now.push_back({state_.update, point});
    if (const auto winner = best(now)) {
      p.validation_objective = winner->point.objective;
      p.validation_accuracy = winner->point.accuracy;
      p.validation_mark = winner->point.mark;
    }
    return p;
  }

  /// Hands a copy of the state over to the saver.
  void save() {
    const auto start = Clock::now();
    checkpoints::Retention retention{static_cast<std::size_t>(config_.keep_newest), config_.keep_every, {}};
    if (const auto winner = best(state_.validation)) retention.also.insert(winner->update);
    if (state_.consecutive_failures > 0)
      retention.newest = std::numeric_limits<std::size_t>::max();  // a theta whose tasks drop takes the place
                                                                   // of none before it
    saver_->save(state_.update, to_archive(config_, state_, *pool_, parts_.provenance), std::move(retention));
    saved_ = state_.update;
    saved_at_ = Clock::now();
    stall_ += seconds_since(start);
  }

  const Config config_;
  const std::vector<float> rate_scale_ = rate_scale(config_);
  checkpoints::FileSystem& files_;
  checkpoints::RunDirectory directory_;
  autodiff::Parallel parallel_;
  std::vector<std::string> pending_;  ///< events from before the first update
  RunState state_;
  TrainerParts parts_;
  std::optional<InFlightPool> pool_;
  std::optional<Metrics> metrics_;
  std::optional<RowsFile> step_rows_, evaluation_rows_, log_;
  std::optional<EventFile> events_;
  std::optional<checkpoints::BackgroundSaver> saver_;  ///< after all that it uses
  std::int64_t saved_ = 0;  ///< update of the newest state handed over, or resumed from
  std::string lost_progress_;
  std::string worst_;  ///< of the last update: its window of the highest objective
  WindowWatch watch_{config_.tasks};
  bool is_suspicious_ = false;     ///< and that was said
  double stall_ = 0, waited_ = 0;  ///< seconds, since the last report
  Clock::time_point saved_at_ = Clock::now();
};

/// The run's sets, some of which are elsewhere now.
std::vector<std::string> moved_data(std::vector<std::string> words,
                                    const std::vector<std::string>& elsewhere) {
  const auto name = [](const std::string& word) { return word.substr(0, word.find('=')); };
  for (const auto& word : elsewhere) {
    const auto place =
        std::find_if(words.begin(), words.end(), [&](const std::string& w) { return name(w) == name(word); });
    if (place == words.end())
      throw checkpoints::UsageError(
          fmt::format("--data {}: the run has no set of that name; it has {}; a resume may only say where "
                      "one of them is now",
                      word, join_list(words)));
    *place = word;
  }
  return words;
}

/// The same bits need the same data.
void require_same_data(const std::string& directory, const std::vector<std::string>& before,
                       const std::vector<std::string>& now) {
  for (std::size_t i = 0; i < std::max(before.size(), now.size()); ++i) {
    const std::string was = i < before.size() ? before[i] : "nothing",
                      is = i < now.size() ? now[i] : "nothing";
    if (was != is)
      throw checkpoints::BadData(fmt::format(
          "{}: the data has changed since the run began: was '{}', is '{}'; restore it, or start a new run",
          directory, was, is));
  }
}

}  // namespace

std::unique_ptr<Trainer> start_with(const Config& config, const std::string& directory,
                                    const PartsMaker& make, const Trainer::OnProgress& on_progress,
                                    const Stop& stop, checkpoints::FileSystem& files) {
  config.check_new();
  require_free(directory);
  TrainerParts parts = make(config);  // before anything is written
  auto run = checkpoints::RunDirectory::create(directory, files);
  require_free(directory);  // of a run that came and went before the lock was ours
  auto trainer = std::make_unique<RunTrainer>(config, std::move(run), std::move(parts), nullptr,
                                              std::vector<std::string>{}, files);
  if (!trainer->begin(on_progress, stop)) trainer.reset();
  return trainer;
}

std::unique_ptr<Trainer> resume_with(const std::string& directory, const ConfigChanges& changes,
                                     const PartsMaker& make, checkpoints::FileSystem& files) {
  auto run = checkpoints::RunDirectory::open(directory, files);
  auto found = checkpoints::newest_whole_snapshot(run.path(), files);
  const auto damaged = std::move(found.damaged);
  std::vector<std::string> events = std::move(found.notes);
  for (std::size_t i = 0; i < damaged.size(); ++i) events[i] += "; the damaged one is now named *.h5.damaged";
  const RunSnapshot newest = run_snapshot(std::move(found));
  Config config = newest.config;
  if (const std::string note = kernels_note(newest.archive); !note.empty()) events.push_back(note);
  for (const auto& [key, value] : changes) {
    if (const auto* known = find_key(key); !known || !known->is_resumable)
      throw std::invalid_argument(fmt::format("[resume] {} can't be changed", key));
    config.set(key, key == "data" ? join_list(moved_data(config.data, split_list(value))) : value);
  }
  if (config.disk == 0 && !changes.contains("disk-dir")) config.disk_dir.clear();
  config.check();
  std::optional<TrainerParts> parts;
  if (newest.generation < config.updates) {
    parts = make(config);
    require_same_data(directory, provenance_from(newest.archive), parts->provenance);
  }
  for (const auto& snapshot : damaged)
    run.set_aside(snapshot);  // as the run will come to their updates again
  return std::make_unique<RunTrainer>(config, std::move(run), std::move(parts), &newest.archive,
                                      std::move(events), files);
}

std::unique_ptr<Trainer> Trainer::start(const Config& config, const std::string& directory,
                                        const OnProgress& on_progress, const Stop& stop) {
  return start_with(config, directory, real_parts, on_progress, stop);
}

std::unique_ptr<Trainer> Trainer::resume(const std::string& directory, const ConfigChanges& changes) {
  return resume_with(directory, changes, real_parts);
}

}  // namespace metalearn
