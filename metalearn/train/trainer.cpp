#include "metalearn/train/trainer.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "checkpoints/error.hpp"
#include "metalearn/records/run_log.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "metalearn/snapshots/run_state.hpp"
#include "metalearn/train/divergence_judge.hpp"
#include "metalearn/train/local_windows.hpp"
#include "metalearn/train/opened_run.hpp"
#include "metalearn/train/state_saver.hpp"
#include "metalearn/train/update.hpp"
#include "metalearn/windows/window_journals.hpp"

namespace metalearn {
namespace {

template <class F>
double seconds_of(F act) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  act();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

struct Trainer::Impl {
  Impl(OpenedRun opened, checkpoints::FileSystem& file_system);

  /// Spreads the ages of a new run's tasks and saves update 0. False if on_progress or stop ended it.
  bool begin(const OnProgress& on_progress, const Stop& stop);
  void run(const OnProgress& on_update, const Stop& stop);

  void open_files();
  std::optional<UpdateResult> next_update(const Stop& stop);
  Progress report(const UpdateResult& result);
  void save();
  /// Appends the last row of the log: why the run ends.
  void log_divergence(const std::string& why);

  const Config config;
  checkpoints::FileSystem& files;
  checkpoints::RunDirectory directory;
  std::vector<Event> pending;  ///< from before the first update
  RunState state;
  TrainerParts parts;
  // All empty if nothing is left to do.
  std::optional<InFlightPool> pool;
  std::optional<LocalWindows> windows;
  std::optional<DivergenceJudge> judge;
  std::optional<RunLog> log;
  std::optional<StateSaver> saver;  ///< destroyed before what it uses
  double stall = 0, waited = 0;     ///< seconds, since the last report
};

Trainer::Impl::Impl(OpenedRun opened, checkpoints::FileSystem& file_system)
    : config(std::move(opened.config)),
      files(file_system),
      directory(std::move(opened.directory)),
      pending(std::move(opened.events)),
      state(opened.from ? state_from(*opened.from, config)
                        : RunState::begin(initial_theta(config.rule, config.seed))) {
  if (opened.from)  // journals of an update that was saved right before a kill
    remove_other_journals(files, directory.path(), state.update);
  if (!opened.parts) return;
  parts = std::move(*opened.parts);
  for (auto& event : events_of(EventKind::note, parts.notes)) pending.push_back(std::move(event));
  pool.emplace(config, parts.make_task);
  windows.emplace(*parts.estimator, parts.at_once > 0 ? parts.at_once : config.threads, directory.path());
  if (!opened.from) return;
  restore_pool(*opened.from, *pool);
  open_files();
}

bool Trainer::Impl::begin(const OnProgress& on_progress, const Stop& stop) {
  const auto go_on = [&](std::size_t begun) {
    Progress p;
    p.updates = config.updates;
    p.events = {{EventKind::preparing, fmt::format("preparing task {} of {}", begun, pool->slots())}};
    return on_progress(p);
  };
  std::vector<std::string> notes;
  if (!windows->fill(*pool, state.theta, on_progress ? std::function<bool(std::size_t)>(go_on) : nullptr,
                     stop, &notes))
    return false;
  for (auto& event : events_of(EventKind::note, notes)) pending.push_back(std::move(event));
  open_files();
  parts.estimator->forget_progress();  // of an earlier run in this folder
  save();
  saver->wait();
  return true;
}

void Trainer::Impl::open_files() {
  judge.emplace(config, static_cast<bool>(parts.validate), text_of_own(directory.file("metrics.csv"), files),
                state.update);
  log.emplace(directory, config, parts.families,
              parts.evaluate ? std::optional(parts.eval_sources) : std::nullopt, state.update, files);
  parts.estimator->keep_progress_in(directory.path(), parts.provenance);
  directory.write_text("config.json", nlohmann::json(config.to_map()).dump(2) + "\n");
  saver.emplace(
      directory, config, parts.provenance, [this] { log->flush(); }, state.update);
  if (const auto lost = log->rows_lost(); lost > 0)
    pending.push_back(
        {EventKind::rows_lost,
         fmt::format("{}/metrics.csv lacks {} of the {} rows up to the snapshot; it continues with update {}",
                     directory.path(), lost, state.update, state.update + 1)});
  log->append(state.update, pending);
}

void Trainer::Impl::run(const OnProgress& on_update, const Stop& stop) {
  bool go_on = true;
  while (go_on && state.update < config.updates) {
    const auto result = next_update(stop);
    if (!result) break;
    saver->check();
    go_on = on_update(report(*result));
    if (const std::string why = judge->verdict(state, *result); !why.empty()) {
      log_divergence(why);
      throw checkpoints::Diverged(fmt::format("{}: {}", directory.path(), why));
    }
    const bool took_long = parts.estimator->has_progress();
    if (took_long || saver->is_due(state)) save();
    if (took_long) {
      saver->wait();
      parts.estimator->forget_progress();
    }
  }
  if (!saver) return;  // nothing was left to do
  if (saver->saved() != state.update) save();
  saver->wait();
  parts.estimator->release_memory();  // the caller may evaluate the run next
}

/// Runs one update and appends its rows. Empty if `stop` came first.
std::optional<UpdateResult> Trainer::Impl::next_update(const Stop& stop) {
  std::optional<UpdateResult> result;
  try {
    result = run_update(state, *pool, *windows, parts, config, stop);
  } catch (const checkpoints::Diverged& e) {
    const std::string why = fmt::format("{}: {}", directory.path(), e.what());
    log_divergence(why);
    throw checkpoints::Diverged(why);
  }
  if (!result) return {};
  state = std::move(result->state);
  waited += result->waited_seconds;
  if (auto event = judge->suspicion(*result)) result->rows.events.push_back(std::move(*event));
  // Appending may wait for the saver's fsync of the same file.
  stall += seconds_of([&] { log->append(result->rows); });
  return result;
}

Progress Trainer::Impl::report(const UpdateResult& result) {
  Progress p = progress_of(result.rows, config.updates);
  p.events.insert(p.events.begin(), pending.begin(), pending.end());  // the log has them already
  pending.clear();
  p.seconds_since_save = saver->seconds_since_save();
  p.save_stall = std::exchange(stall, 0.0);
  p.disk_wait = std::exchange(waited, 0.0);
  return p;
}

void Trainer::Impl::save() {
  stall += seconds_of([&] { saver->save(state, *pool); });
}

void Trainer::Impl::log_divergence(const std::string& why) {
  saver->wait();
  log->append(state.update, {{EventKind::diverged, why}});
  log->flush();
}

Trainer::Trainer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Trainer::~Trainer() = default;

const Config& Trainer::config() const { return impl_->config; }
std::string Trainer::newest_snapshot() const {
  return checkpoints::snapshot_path(impl_->directory.path(),
                                    impl_->saver ? impl_->saver->saved() : impl_->state.update);
}
std::int64_t Trainer::update() const { return impl_->state.update; }
std::string Trainer::memory_plan() const { return impl_->parts.memory_plan; }
bool Trainer::has_progress() const {
  return impl_->parts.estimator && impl_->parts.estimator->has_progress();
}
std::string Trainer::lost_progress() const { return impl_->windows ? impl_->windows->lost_progress() : ""; }
const std::vector<float>& Trainer::theta() const { return impl_->state.theta; }
const std::vector<float>& Trainer::theta_average() const { return impl_->state.theta_average; }
void Trainer::run(const OnProgress& on_update, const Stop& stop) { impl_->run(on_update, stop); }

std::unique_ptr<Trainer> start_with(const Config& config, const std::string& directory,
                                    const PartsMaker& parts, const Trainer::OnProgress& on_progress,
                                    const Stop& stop, checkpoints::FileSystem& files) {
  auto impl = std::make_unique<Trainer::Impl>(open_new(config, directory, parts, files), files);
  return impl->begin(on_progress, stop) ? std::make_unique<Trainer>(std::move(impl)) : nullptr;
}

std::unique_ptr<Trainer> resume_with(const std::string& directory, const ConfigChanges& changes,
                                     const PartsMaker& parts, checkpoints::FileSystem& files) {
  return std::make_unique<Trainer>(
      std::make_unique<Trainer::Impl>(open_again(directory, changes, parts, files), files));
}

std::unique_ptr<Trainer> Trainer::start(const Config& config, const std::string& directory,
                                        const OnProgress& on_progress, const Stop& stop) {
  return start_with(config, directory, real_parts, on_progress, stop);
}

std::unique_ptr<Trainer> Trainer::resume(const std::string& directory, const ConfigChanges& changes) {
  return resume_with(directory, changes, real_parts);
}

}  // namespace metalearn
