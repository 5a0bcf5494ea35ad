// Synthetic families: data sets that no file holds. Every task has a set of its own, made while the task is
// drawn: means, covariances, networks and word frequencies differ from task to task.
//
// One file per family (mixture.cpp, teacher.cpp, bags.cpp), which says how it makes a task's set. To add one:
// a file that defines its row, and its place in synthetic.cpp's table.
//
// Examples are features: as many as images of the tasks' resolution have pixels, in [0, 1]. Pure functions of
// the stream that they are given, with portable mathematics alone: the same bits on every machine.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metalearn/base/random.hpp"
#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// Of the set of one task.
struct SyntheticSize {
  std::int64_t inputs = 0, classes = 0, per_class = 0;  ///< per_class: examples of each class
};

/// Examples of a class in a task's set (more where labelled batches need more), and the classes that a family
/// has at most.
inline constexpr std::int64_t kSyntheticPerClass = 128, kSyntheticClasses = 10;

struct SyntheticFamily {
  const char* name;
  const char* kind;    ///< what it is, one line
  const char* inputs;  ///< what they are, one line
  int version;         ///< of the generator, higher with every change of what it makes
  SyntheticMaker make;
};
/// Sorted by name.
std::span<const SyntheticFamily* const> synthetic_families();
/// Their names.
std::vector<std::string> synthetic_names();

/// What `data` prints and provenance keeps, without examples, and Dataset::make; nothing for another name.
std::optional<Dataset> synthetic_family(const std::string& name);

/// For the families' makers: room for the set, labels 0, 0, .., 1, 1, ..
ImageSet empty_features(const SyntheticSize& size);
/// Log-uniform in low .. high. REQUIRES 0 < low <= high.
double log_uniform(Random& random, double low, double high);
/// Standard normal numbers times `deviation`.
std::vector<float> normals(Random& random, std::int64_t count, double deviation = 1);
/// v / sqrt(1 + v^2), an odd function with values in -1 .. 1 and slope 1 at 0.
float squash(float v);

}  // namespace metalearn
