// EvaluationFiles: what commands write into a run's folder `evaluations`, and training into evaluations.csv,
// as rows: how a row becomes JSON, and is read again. Pure functions.
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

/// A mean over seeds with the half width of its 95 % interval (Student's t); NaN where it is not there.
struct Measured {
  double mean = kNone, half = kNone;
};

/// Of a method on a data set at a mark.
struct Score {
  std::string data, method, head;
  std::string value = {};  ///< of a sweep: of what is varied
  double step = 0;         ///< inner steps
  double update = 0;       ///< of evaluations.csv: updates of theta
  double seeds = kNone;    ///< that the means are over
  Measured accuracy = {}, objective = {};
  double seconds_per_step = kNone;
};

struct Evaluation {
  std::vector<Score> scores;
  bool compares = false;                      ///< methods
  std::map<std::string, double> chosen = {};  ///< steps that meta-validation chose, by method
  std::string protocol = {};                  ///< one line; empty: not said
};

/// A row of the results of `metalearn eval`, of its --methods, and of `metalearn sweep`.
nlohmann::ordered_json row_json(const FewShotRow& row);
nlohmann::ordered_json row_json(const MethodRow& row, const std::string& data);
nlohmann::ordered_json row_json(const SweepPlace& place, const FewShotRow& row);

/// The JSON of `metalearn eval` (with or without --methods) or of a sweep over `axis`; name: the file's, for
/// messages. Throws checkpoints::BadData: no such JSON, a row without its numbers, a sweep over another axis.
Evaluation parse_evaluation(const std::string& text, const std::string& name, const std::string& axis = {});

/// evaluations.csv: update,data,step,accuracy_mean,accuracy_se,objective_mean,objective_se,seeds, in any
/// order, others between. A last line without its end is being written, and left out; so are lines that are
/// no such rows, the first of which `problems` names. Throws checkpoints::BadData where the first line does
/// not name these columns.
Evaluation parse_evaluation_rows(const std::string& text, const std::string& name,
                                 std::vector<std::string>& problems);

}  // namespace metalearn::report
