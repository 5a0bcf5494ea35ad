// EvaluationRows: a run's evaluations.csv: the scores of theta on the data sets of eval-data, a row per set
// and evaluation step of every evaluation.
//
// Rows and threads: as RowsFile. Functions without state.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "metalearn/evaluate/few_shot.hpp"
#include "metalearn/records/event.hpp"
#include "metalearn/records/event_file.hpp"

namespace metalearn {

inline constexpr const char* kEvaluationRowsName = "evaluations.csv";

/// "update,data,step,accuracy_mean,accuracy_se,objective_mean,objective_se,seeds,source\n"; source: the data
/// set's fingerprint.
std::string evaluation_rows_header();
/// A cell is empty if its number is not finite. sources: fingerprints by name.
std::string evaluation_rows(std::int64_t update, const std::vector<FewShotRow>& rows,
                            const std::map<std::string, std::string>& sources);

/// Throws UsageError if the file at `path`, with this text, holds rows up to `update` of a different data set
/// with the name of one of `sources`: both would form one curve.
void require_same_sources(const std::string& text, std::int64_t update,
                          const std::map<std::string, std::string>& sources, const std::string& path);

/// For TensorBoard: evaluation_accuracy/mnist.300, evaluation_objective/mnist.300.
Scalars scalars_of(const std::vector<FewShotRow>& rows);

/// The event for progress reports: "evaluated update 500: mnist 0.7812 after 300 inner steps, its best
/// evaluation step (random initialisation 0.5214), fashion ...". For each set, its best evaluation step above
/// 0.
Event evaluation_event(std::int64_t update, const std::vector<FewShotRow>& rows);

}  // namespace metalearn
