// Synthetic families: generated data sets, without files. Every task has its own set, generated while the
// task is drawn: means, covariances, networks and word frequencies differ from task to task.
//
// One file per family (mixture.cpp, teacher.cpp, bags.cpp), which documents how it generates a task's set. To
// add one: a file that defines its row, and an entry in synthetic.cpp's table.
//
// Examples are features in [0, 1], one per pixel of an image of the tasks' resolution. Pure functions of a
// random stream that use only portable mathematics: the same bits on every machine.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metalearn/base/random.hpp"
#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// Size of the set of one task.
struct SyntheticSize {
  std::int64_t inputs = 0, classes = 0, per_class = 0;  ///< per_class: examples of each class
};

/// Examples per class in a task's set (more if labelled batches need more), and the most classes of a family.
inline constexpr std::int64_t kSyntheticPerClass = 128, kSyntheticClasses = 10;

struct SyntheticFamily {
  const char* name;
  const char* kind;    ///< what it is, one line
  const char* inputs;  ///< what the inputs are, one line
  int version;         ///< of the generator, raised with every change of its output
  SyntheticMaker make;
};
/// Sorted by name.
std::span<const SyntheticFamily* const> synthetic_families();
/// Their names.
std::vector<std::string> synthetic_names();

/// The description that `data` prints and provenance keeps, without examples, and Dataset::make; nothing for
/// another name.
std::optional<Dataset> synthetic_family(const std::string& name);

/// For the families' makers: a set of zeros with labels 0, 0, .., 1, 1, ..
ImageSet empty_features(const SyntheticSize& size);
/// Log-uniform in low .. high. REQUIRES 0 < low <= high.
double log_uniform(Random& random, double low, double high);
/// Standard normal numbers times `deviation`.
std::vector<float> normals(Random& random, std::int64_t count, double deviation = 1);
/// v / sqrt(1 + v^2), an odd function with values in -1 .. 1 and slope 1 at 0.
float squash(float v);

}  // namespace metalearn
