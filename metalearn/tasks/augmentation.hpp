// Augmentation: what a task does to its inputs: rotations and shifts per example, inversion, noise and a
// permutation of the inputs for the whole task. Features have no geometry: rotations and shifts do not apply
// to them, the rest does.
//
// An Augmentation is drawn once per task; the per-example numbers come from the batch's stream, which the
// caller passes. Const, any number of threads.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "metalearn/base/random.hpp"
#include "metalearn/data/dataset.hpp"
#include "metalearn/data/resize.hpp"
#include "metalearn/tasks/task.hpp"

namespace metalearn {

struct Augmentation {
  bool rotate = false, shift = false;
  double rotate_max = 0;       ///< degrees
  double shift_max = 0;        ///< pixels of the resized image
  double noise = 0;            ///< standard deviation, added last and not clamped
  std::vector<char> inverted;  ///< [N_0] of the permuted inputs: x -> mirror - x (ImageSet); empty: none
  std::vector<std::int32_t> source;  ///< [N_0] input i shows pixel or feature source[i]; empty: i

  /// Number of coefficients per image, each uniform in -1 .. 1: the angle over rotate_max, the shifts down
  /// and right over shift_max; only those that the task draws.
  std::int64_t coefficients() const { return (turns() ? 1 : 0) + (shifts() ? 2 : 0); }
  bool turns() const { return rotate && rotate_max > 0; }
  bool shifts() const { return shift && shift_max > 0; }

  /// Draws one for examples with this many inputs (N_0). `random` is the task's stream for this purpose.
  static Augmentation draw(const TaskConfig& config, std::int64_t inputs, Random random);
  /// Only a permutation of the inputs.
  static Augmentation permutation(std::int64_t inputs, Random& random);
};

/// Writes examples of a set as columns of a batch. Images are rotated and shifted at their own resolution,
/// then area-averaged, channel by channel. Features are copied. Then inputs are inverted, get noise and are
/// permuted.
class ImageReader {
 public:
  ImageReader(const ImageSet& set, int resolution);
  /// x[i * batch + e] for all inputs i: example `index` of the set. `random` is the batch's stream.
  /// coefficients: for images; if not empty, how.coefficients() numbers are written.
  void write(const ImageSet& set, std::int64_t index, const Augmentation& how, Random& random, std::int64_t e,
             std::int64_t batch, std::span<float> x, std::span<float> coefficients = {}) const;

 private:
  void read_image(const ImageSet& set, std::int64_t index, const Augmentation& how, Random& random,
                  std::span<float> values, std::span<float> coefficients) const;

  int resolution_;
  std::optional<AreaResize> resize_;  ///< for images
};

}  // namespace metalearn
