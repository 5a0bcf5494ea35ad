// EvaluationFiles: rows of the files that commands write into a run's folder `evaluations`, and training into
// evaluations.csv: to JSON and back. Pure functions.
#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "metalearn/report/figure.hpp"

namespace metalearn {
struct FewShotRow;
struct MethodRow;
struct SweepPlace;
}  // namespace metalearn

namespace metalearn::report {

/// A mean over seeds with the half width of its 95 % interval (Student's t); NaN if unknown.
struct Measured {
  double mean = kNone, half = kNone;
};

/// Score of a method on a data set at an evaluation step.
struct Score {
  std::string data, method, head;
  std::string value = {};  ///< of a sweep: the value of the axis
  double step = 0;         ///< inner steps
  double update = 0;       ///< of evaluations.csv: updates of theta
  double seeds = kNone;    ///< number of seeds of the means
  Measured accuracy = {}, objective = {};
  double seconds_per_step = kNone;
};

struct Evaluation {
  std::vector<Score> scores;
  bool compares = false;                      ///< whether it compares methods
  std::map<std::string, double> chosen = {};  ///< steps that meta-validation chose, by method
  std::string protocol = {};                  ///< one line; empty if unknown
};

/// A result row of `metalearn eval`, of its --methods, and of `metalearn sweep`.
nlohmann::ordered_json row_json(const FewShotRow& row);
nlohmann::ordered_json row_json(const MethodRow& row, const std::string& data);
nlohmann::ordered_json row_json(const SweepPlace& place, const FewShotRow& row);

/// Parses the JSON of `metalearn eval` (with or without --methods) or of a sweep over `axis`; name: the
/// file's, for messages. Throws checkpoints::BadData if it is not such JSON, a row lacks its numbers, or the
/// sweep is over another axis.
Evaluation parse_evaluation(const std::string& text, const std::string& name, const std::string& axis = {});

/// Parses evaluations.csv: update,data,step,accuracy_mean,accuracy_se,objective_mean,objective_se,seeds, in
/// any order, with other columns between. Skips a last line without a newline, which is still being written,
/// and invalid lines, the first of which `problems` names. Throws checkpoints::BadData if the first line
/// lacks one of these columns.
Evaluation parse_evaluation_rows(const std::string& text, const std::string& name,
                                 std::vector<std::string>& problems);

}  // namespace metalearn::report
