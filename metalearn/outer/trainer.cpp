#include "metalearn/outer/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "autodiff/plan/parallel.hpp"
#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "metalearn/outer/meta_batch.hpp"
#include "metalearn/outer/run_folder.hpp"
#include "metalearn/outer/run_snapshot.hpp"
#include "metalearn/outer/run_state.hpp"
#include "metalearn/outer/schedule.hpp"
#include "metalearn/outer/trainer_parts.hpp"

namespace metalearn {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Updates in a row whose every task was dropped, after which a run counts as diverged.
constexpr std::int64_t kHopeless = 5;

/// Snapshots that stay, beside the best by meta-validation.
constexpr std::size_t kNewest = 3;

/// "N" updates or "Ns" seconds (checked by Config).
bool save_is_due(const std::string& every, std::int64_t update, double seconds) {
  const auto n = std::stoll(every);
  return every.back() == 's' ? seconds >= static_cast<double>(n) : update % n == 0;
}

class RunTrainer final : public Trainer {
 public:
  /// A new run, or one as `from` holds it. parts: empty where nothing is left to do. events: for the first progress report.
  RunTrainer(const Config& config, checkpoints::RunDirectory directory, std::optional<TrainerParts> parts, const checkpoints::Archive* from,
             std::vector<std::string> events)
      : config_(config), directory_(std::move(directory)), parallel_(config.threads), pending_(std::move(events)) {
    state_ = from ? state_from(*from, config_) : RunState::begin(initial_theta(config_.rule, config_.seed));
    if (from) newest_ = from->name();
    if (!parts) return;
    parts_ = std::move(*parts);
    pending_.insert(pending_.end(), parts_.notes.begin(), parts_.notes.end());
    pool_.emplace(config_, parts_.make_task);
    if (!from) return;
    restore_pool(*from, *pool_);
    open_files();
  }

  /// Spreads the ages of a new run's tasks and saves update 0. False where on_progress stopped it.
  bool begin(const OnProgress& on_progress) {
    const auto go_on = [&](std::size_t begun) {
      Progress p;
      p.updates = config_.updates;
      p.events = {fmt::format("preparing task {} of {}", begun, pool_->slots())};
      return on_progress(p);
    };
    if (!pool_->fill(*parts_.estimator, state_.theta, parallel_, on_progress ? std::function<bool(std::size_t)>(go_on) : nullptr)) return false;
    open_files();
    save();
    return true;
  }

  const Config& config() const override { return config_; }
  std::string newest_snapshot() const override { return newest_; }
  std::int64_t update() const override { return state_.update; }
  const std::vector<float>& theta() const override { return state_.theta; }
  const std::vector<float>& theta_average() const override { return state_.theta_average; }

  void run(const OnProgress& on_update) override {
    bool go_on = true;
    while (go_on && state_.update < config_.updates) {
      const Progress progress = one_update();
      go_on = on_update(progress);
      if (state_.consecutive_failures >= kHopeless)
        throw checkpoints::Diverged(fmt::format("{}: training diverged: every task of {} updates in a row was dropped, in the last one: {}; the newest snapshot is still good, "
                                                "start anew from a smaller meta-rate or inner-rate",
                                                directory_.path(), state_.consecutive_failures, first_drop(progress.events)));
      const auto winner = best(state_.validation);
      const bool is_best = winner && winner->update == state_.update;
      if (!go_on || is_best || state_.update == config_.updates || save_is_due(config_.save_every, state_.update, progress.seconds_since_save)) save();
    }
  }

 private:
  void open_files() {
    directory_.write_text("config.json", nlohmann::json(config_.to_map()).dump(2) + "\n");
    directory_.adopt("metrics.csv");
    metrics_.emplace(directory_.path(), parts_.families, config_.validate_every > 0 ? config_.validate_steps : std::vector<std::int64_t>{}, state_.update);
    if (metrics_->rows_lost()) pending_.push_back(fmt::format("{}/metrics.csv was missing: a new one begins at update {}", directory_.path(), state_.update + 1));
  }

  static std::string first_drop(const std::vector<std::string>& events) {
    const auto drop = std::find_if(events.begin(), events.end(), [](const auto& e) { return e.starts_with("dropped "); });
    return drop == events.end() ? "" : *drop;
  }

  /// Windows of M tasks, one step of Adam, tasks replaced, theta validated where it is time, a row of metrics. Nothing here looks at the clock but
  /// to report it.
  Progress one_update() {
    const auto start = Clock::now();
    const auto slots = participants(config_, state_.update);
    std::vector<GradientEstimate> estimates(slots.size());
    parallel_.for_each(slots.size(), [&](std::size_t i) {
      estimates[i] = parts_.estimator->estimate(state_.theta, pool_->tasks()[slots[i]], state_.update);
    });

    MetricsRow row;
    std::vector<const InFlight*> tasks;
    for (auto slot : slots) tasks.push_back(&pool_->tasks()[slot]);
    MetaBatch batch = reduce(estimates, tasks, config_.clip_task, row);
    row.rate = meta_rate(config_, state_.update);
    apply(batch, row.rate);

    row.update = ++state_.update;
    row.length_limit = length_limit(config_, state_.update);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const bool done = tasks[i]->age >= tasks[i]->length;
      row.replaced += !batch.dropped[i] && done;
      if (batch.dropped[i] || done) pool_->replace(slots[i], state_.update);
    }
    row.mean_age = pool_->mean_age();
    if (parts_.validate && config_.validate_every > 0 && state_.update % config_.validate_every == 0) validate(row, batch.events);
    row.seconds = seconds_since(start);
    metrics_->append(row);
    batch.events.insert(batch.events.begin(), std::make_move_iterator(pending_.begin()), std::make_move_iterator(pending_.end()));
    pending_.clear();
    return report(row, std::move(batch.events));
  }

  /// Where every window was dropped theta and the optimiser stay as they are.
  void apply(MetaBatch& batch, double rate) {
    if (batch.applied == 0) {
      ++state_.consecutive_failures;
      return;
    }
    state_.consecutive_failures = 0;
    clip_norm(batch.gradient, config_.clip);
    adam_step({config_.adam_beta1, config_.adam_beta2, config_.adam_epsilon}, rate, batch.gradient, state_.adam, state_.theta);
    average_theta(config_.theta_average, state_.adam.steps, state_.theta, state_.theta_average);
    if (!all_finite(state_.theta))
      throw checkpoints::Diverged(fmt::format("{}: theta left the range of float32 at update {}; the newest snapshot is still good, start anew with a smaller clip or meta-rate",
                                              directory_.path(), state_.update + 1));
  }

  void validate(MetricsRow& row, std::vector<std::string>& events) {
    for (const auto& point : parts_.validate(state_.theta_average)) {
      if (!std::isfinite(point.objective) || !std::isfinite(point.accuracy)) {
        events.push_back(fmt::format("validation: the objective is not finite after {} inner steps", point.mark));
        continue;
      }
      row.validation.push_back(point);
      state_.validation.push_back({state_.update, point});
    }
  }

  Progress report(const MetricsRow& row, std::vector<std::string> events) const {
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
    std::vector<Validated> now;
    for (const auto& point : row.validation) now.push_back({state_.update, point});
    if (const auto winner = best(now)) {
      p.validation_objective = winner->point.objective;
      p.validation_accuracy = winner->point.accuracy;
      p.validation_mark = winner->point.mark;
    }
    return p;
  }

  void save() {
    metrics_->flush();  // the rows up to a snapshot are on the disk before it is
    std::set<std::int64_t> also;
    if (const auto winner = best(state_.validation)) also.insert(winner->update);
    newest_ = directory_.save(state_.update, to_archive(config_, state_, *pool_, parts_.provenance), kNewest, also);
    saved_at_ = Clock::now();
  }

  const Config config_;
  checkpoints::RunDirectory directory_;
  autodiff::Parallel parallel_;
  std::vector<std::string> pending_;  ///< events from before the first update
  RunState state_;
  TrainerParts parts_;
  std::optional<InFlightPool> pool_;
  std::optional<Metrics> metrics_;
  std::string newest_;  ///< path of the newest snapshot
  Clock::time_point saved_at_ = Clock::now();
};

/// The newest snapshot that is whole; `events` says which ones are not. Those are renamed, as the run will come to their updates again.
checkpoints::Archive newest_whole(checkpoints::RunDirectory& run, std::vector<std::string>& events) {
  std::vector<std::string> skipped;
  const std::string path = checkpoints::newest_whole_snapshot(run.path(), &skipped);
  const auto entries = run.snapshots();
  for (std::size_t i = 0; i < skipped.size(); ++i) {
    run.set_aside(entries[entries.size() - 1 - i]);
    events.push_back(skipped[i] + "; the damaged one is now named *.h5.damaged");
  }
  return load_run_snapshot(path);
}

/// The same bits need the same data.
void require_same_data(const std::string& directory, const std::vector<std::string>& before, const std::vector<std::string>& now) {
  for (std::size_t i = 0; i < std::max(before.size(), now.size()); ++i) {
    const std::string was = i < before.size() ? before[i] : "nothing", is = i < now.size() ? now[i] : "nothing";
    if (was != is) throw checkpoints::BadData(fmt::format("{}: the data has changed since the run began: was '{}', is '{}'; restore it, or start a new run", directory, was, is));
  }
}

}  // namespace

std::unique_ptr<Trainer> start_with(const Config& config, const std::string& directory, const PartsMaker& make, const Trainer::OnProgress& on_progress) {
  config.check();
  require_free(directory);
  TrainerParts parts = make(config);  // before anything is written
  auto run = checkpoints::RunDirectory::create(directory);
  require_free(directory);  // of a run that came and went before the lock was ours
  auto trainer = std::make_unique<RunTrainer>(config, std::move(run), std::move(parts), nullptr, std::vector<std::string>{});
  if (!trainer->begin(on_progress)) trainer.reset();
  return trainer;
}

std::unique_ptr<Trainer> resume_with(const std::string& directory, std::optional<std::int64_t> updates, std::optional<int> threads, const PartsMaker& make) {
  auto run = checkpoints::RunDirectory::open(directory);
  std::vector<std::string> events;
  const checkpoints::Archive newest = newest_whole(run, events);
  Config config = config_from(newest);
  if (const std::string note = kernels_note(newest); !note.empty()) events.push_back(note);
  if (updates) config.set("updates", std::to_string(*updates));
  if (threads) config.set("threads", std::to_string(*threads));
  config.check();
  std::optional<TrainerParts> parts;
  if (newest.attribute<std::int64_t>("counters", "update") < config.updates) {
    parts = make(config);
    require_same_data(directory, provenance_from(newest), parts->provenance);
  }
  return std::make_unique<RunTrainer>(config, std::move(run), std::move(parts), &newest, std::move(events));
}

std::unique_ptr<Trainer> Trainer::start(const Config& config, const std::string& directory, const OnProgress& on_progress) {
  return start_with(config, directory, real_parts, on_progress);
}

std::unique_ptr<Trainer> Trainer::resume(const std::string& directory, std::optional<std::int64_t> updates, std::optional<int> threads) {
  return resume_with(directory, updates, threads, real_parts);
}

}  // namespace metalearn
