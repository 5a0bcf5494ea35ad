// Sweep: one thing of an evaluation varied, all else held: does a rule carry over to other widths, depths,
// activations, labels, steps, orders of the inputs?
//
// An axis has values; each of them makes an Evaluation of its own from a common one. Plain values, functions
// without state.
#pragma once
#include <string>
#include <vector>

#include "metalearn/evaluate/few_shot.hpp"

namespace metalearn {

enum class Axis {
  depth,        ///< hidden layers, each of as many units as the first of the common evaluation
  width,        ///< units of every hidden layer
  activation,   ///< of the base model
  labels,       ///< per class
  steps,        ///< inner steps: marks of one evaluation
  permutation,  ///< number of the order that the inputs are in; 0: as they are
  update,       ///< updates that theta has behind it: snapshots of a run, which the caller loads
};
std::string to_string(Axis axis);
/// The names, in the order above.
const std::vector<std::string>& axis_names();

struct SweepAxis {
  Axis axis = Axis::depth;
  std::vector<std::string> values;  ///< in order, each once
};

/// "depth=1..11", "width=16,64,256", "activation=all", "permutation=5". A..B: of depth and permutation every
/// number, of width doublings of A, of labels and steps what is 1, 2 or 5 times a power of ten, always with A
/// and B themselves. permutation=N: 0 .. N. update=all or A..B: those of `updates`, in which each update that
/// is named alone has to be. Throws checkpoints::UsageError naming the value and what is allowed.
SweepAxis sweep_axis_from(const std::string& text, const std::vector<std::int64_t>& updates = {});

/// What few_shot() needs beside theta and a data set.
struct Evaluation {
  RuleConfig rule;
  TaskConfig task;
  FewShotOptions options;
};

/// The evaluations that an axis needs: one for each value; of steps a single one, with 0 and all of them as
/// marks.
std::size_t sweep_cells(const SweepAxis& axis);
/// REQUIRES cell < sweep_cells(axis).
Evaluation sweep_cell(const SweepAxis& axis, std::size_t cell, Evaluation common);
/// The value of the axis that a row of that evaluation is of.
std::string sweep_value(const SweepAxis& axis, std::size_t cell, const FewShotRow& row);

}  // namespace metalearn
