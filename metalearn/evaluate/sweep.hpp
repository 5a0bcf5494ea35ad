// Sweep: varies one setting of an evaluation and holds all others fixed: does a rule generalise to other
// widths, depths, activations, labels, steps, orders of the inputs?
//
// Each value of an axis makes its own FewShotSetup from a common one. Plain values, functions without state.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "metalearn/evaluate/few_shot.hpp"

namespace metalearn {

/// The arguments of few_shot() other than theta and the data set.
struct FewShotSetup {
  RuleConfig rule;
  TaskConfig task;
  FewShotOptions options;
};

/// The part of the common evaluation's hidden layers that a sweep keeps.
enum class CommonLayers {
  all,
  first,  ///< the number of units of the first layer
  number  ///< the number of layers
};

/// A setting that can be varied.
struct Axis {
  const char* name;
  const char* example;        ///< the values of the paper: "1..11"
  const char* note = "";      ///< on the values, for help
  const char *title, *label;  ///< title of figures, label of their x axis
  bool log = false;           ///< the x axis is logarithmic
  bool categories = false;    ///< its values are not numbers on a scale
  const char* option = "";    ///< option of the common evaluation that has no effect then
  CommonLayers layers = CommonLayers::all;
  std::int64_t least = 0, most = 0;                      ///< range of values that are numbers
  std::int64_t (*next)(std::int64_t) = nullptr;          ///< the next value in A..B
  const std::vector<std::string>& (*words)() = nullptr;  ///< the values of a non-numeric axis, in order
  bool to_last = false;                                  ///< a single number N means 0 .. N
  bool one_evaluation = false;  ///< its values are evaluation steps of a single evaluation
  bool of_snapshots = false;    ///< its values are snapshots of a run, whose thetas the caller loads
  void (*set)(FewShotSetup& evaluation, const std::string& value) = nullptr;
};

/// THE table, in the order of a report.
std::span<const Axis> axes();
/// Their names, in that order.
const std::vector<std::string>& axis_names();
/// Null if there is no axis of that name.
const Axis* find_axis(const std::string& name);
/// The position of a value among those of its axis. Throws what std::stoll throws for a text that is not a
/// number.
std::int64_t axis_rank(const Axis& axis, const std::string& value);

struct SweepAxis {
  const Axis* axis = nullptr;
  std::vector<std::string> values;  ///< in order, each once
};

/// Identifies a row of a sweep.
struct SweepPlace {
  std::string data, source,
      value;  ///< source: a checksum of the data set, as the name may stand for another set later
  std::string theta = {};  ///< a checksum, for sweeps over updates only: another training makes other
                           ///< snapshots of the same updates
};

/// "depth=1..11", "width=16,64,256", "activation=all", "permutation=5". A..B means: for depth and permutation
/// every number, for width doublings of A, for labels and steps 1, 2 and 5 times powers of ten, always
/// including A and B. permutation=N: 0 .. N. update=all or A..B: those of `updates`; updates listed singly
/// must be among `updates`. Throws checkpoints::UsageError naming the value and the allowed ones.
SweepAxis sweep_axis_from(const std::string& text, const std::vector<std::int64_t>& updates = {});

/// The evaluations that an axis needs: one for each value; for steps a single one, with 0 and all values as
/// evaluation steps.
std::size_t sweep_cells(const SweepAxis& sweep);
/// REQUIRES cell < sweep_cells(sweep).
FewShotSetup sweep_cell(const SweepAxis& sweep, std::size_t cell, FewShotSetup common);
/// The axis value of a row of that evaluation.
std::string sweep_value(const SweepAxis& sweep, std::size_t cell, const FewShotRow& row);

}  // namespace metalearn
