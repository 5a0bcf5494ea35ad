// Sweep: one thing of an evaluation varied, all else held: does a rule carry over to other widths, depths,
// activations, labels, steps, orders of the inputs?
//
// An axis has values; each of them makes an FewShotSetup of its own from a common one. Plain values,
// functions without state.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "metalearn/evaluate/few_shot.hpp"

namespace metalearn {

/// What few_shot() needs beside theta and a data set.
struct FewShotSetup {
  RuleConfig rule;
  TaskConfig task;
  FewShotOptions options;
};

/// What a sweep takes from the hidden layers of the common evaluation.
enum class CommonLayers {
  all,
  first,  ///< the units of the first one
  number  ///< how many there are
};

/// A thing that may be varied.
struct Axis {
  const char* name;
  const char* example;        ///< values as the paper varies them: "1..11"
  const char* note = "";      ///< on them, for help
  const char *title, *label;  ///< of figures, and of their x axis
  bool log = false;           ///< the x axis is logarithmic
  bool categories = false;    ///< its values have no distances
  const char* option = "";    ///< of a common evaluation, which has no effect then
  CommonLayers layers = CommonLayers::all;
  std::int64_t least = 0, most = 0;                      ///< of values that are numbers
  std::int64_t (*next)(std::int64_t) = nullptr;          ///< how A..B goes on
  const std::vector<std::string>& (*words)() = nullptr;  ///< the values of an axis of words, in order
  bool to_last = false;                                  ///< a number alone, N, is 0 .. N
  bool one_evaluation = false;                           ///< its values are marks of a single evaluation
  bool of_snapshots = false;  ///< its values are snapshots of a run, whose thetas the caller loads
  void (*set)(FewShotSetup& evaluation, const std::string& value) = nullptr;
};

/// THE table, in the order of a report.
std::span<const Axis> axes();
/// Their names, in that order.
const std::vector<std::string>& axis_names();
/// Null where there is none of that name.
const Axis* find_axis(const std::string& name);
/// Where a value stands among those of its axis. Throws what std::stoll throws of a text that is no number.
std::int64_t axis_rank(const Axis& axis, const std::string& value);

struct SweepAxis {
  const Axis* axis = nullptr;
  std::vector<std::string> values;  ///< in order, each once
};

/// What a row of a sweep is of.
struct SweepPlace {
  std::string data, source, value;  ///< source: a checksum of the data set, as under its name there may be
                                    ///< another one the next time
  std::string theta =
      {};  ///< a checksum, over updates only: training anew makes other snapshots of the same updates
};

/// "depth=1..11", "width=16,64,256", "activation=all", "permutation=5". A..B: of depth and permutation every
/// number, of width doublings of A, of labels and steps what is 1, 2 or 5 times a power of ten, always with A
/// and B themselves. permutation=N: 0 .. N. update=all or A..B: those of `updates`, in which each update that
/// is named alone has to be. Throws checkpoints::UsageError naming the value and what is allowed.
SweepAxis sweep_axis_from(const std::string& text, const std::vector<std::int64_t>& updates = {});

/// The evaluations that an axis needs: one for each value; of steps a single one, with 0 and all of them as
/// marks.
std::size_t sweep_cells(const SweepAxis& sweep);
/// REQUIRES cell < sweep_cells(sweep).
FewShotSetup sweep_cell(const SweepAxis& sweep, std::size_t cell, FewShotSetup common);
/// The value of the axis that a row of that evaluation is of.
std::string sweep_value(const SweepAxis& sweep, std::size_t cell, const FewShotRow& row);

}  // namespace metalearn
