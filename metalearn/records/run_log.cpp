#include "metalearn/records/run_log.hpp"

#include <utility>

#include "metalearn/records/evaluation_rows.hpp"
#include "metalearn/records/log_rows.hpp"
#include "metalearn/records/step_rows.hpp"

namespace metalearn {

RunLog::RunLog(checkpoints::RunDirectory& directory, const Config& config, std::vector<std::string> families,
               std::optional<Sources> eval_sources, std::int64_t update, checkpoints::FileSystem& files)
    : eval_sources_(std::move(eval_sources)) {
  const std::string evaluations = directory.file(kEvaluationRowsName);
  if (eval_sources_)
    require_same_sources(text_of_own(evaluations, files), update, *eval_sources_, evaluations);
  const auto open = [&](std::optional<RowsFile>& rows, const char* name, const std::string& header) {
    directory.adopt(name);
    rows.emplace(directory.file(name), header, update, files);
  };
  directory.adopt("metrics.csv");
  metrics_.emplace(directory.path(), std::move(families),
                   config.validate_every > 0 ? config.validate_steps : std::vector<std::int64_t>{}, update,
                   files);
  if (config.telemetry) open(steps_, kStepRowsName, step_rows_header());
  if (eval_sources_) open(evaluations_, kEvaluationRowsName, evaluation_rows_header());
  open(log_, kLogName, log_rows_header());
  if (config.tensorboard) directory.adopt(tensorboard_.emplace(directory.path(), update, files).name());
}

void RunLog::append(const UpdateRows& rows) {
  const std::int64_t update = rows.metrics.update;
  metrics_->append(rows.metrics);
  if (steps_) steps_->append(rows.steps);
  if (evaluations_) evaluations_->append(evaluation_rows(update, rows.evaluated, *eval_sources_));
  if (tensorboard_) {
    Scalars scalars = scalars_of(rows.metrics);
    const Scalars of_sets = scalars_of(rows.evaluated);
    scalars.insert(scalars.end(), of_sets.begin(), of_sets.end());
    tensorboard_->append(update, scalars);
  }
  append(update, rows.events);
}

void RunLog::append(std::int64_t update, const std::vector<Event>& events) {
  log_->append(log_rows(update, events));
}

void RunLog::flush() {
  metrics_->flush();
  for (auto* rows : {&steps_, &evaluations_, &log_})
    if (*rows) (*rows)->flush();
}

}  // namespace metalearn
