// Dataset: labelled examples in memory, in three splits (train, meta-validation, test), with a description of
// the source and of the splits.
//
// Const after loading, any number of threads may read.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace metalearn {

class Random;
struct ImageSet;
struct SyntheticSize;

/// Generates the set of one task of a synthetic family (synthetic.hpp).
using SyntheticMaker = ImageSet (*)(const SyntheticSize& size, Random& random);

/// `count` labelled examples: images as bytes, or features, which are numbers without a geometry (rotations
/// and shifts do not apply to them).
struct ImageSet {
  int height = 0, width = 0;         ///< pixels; 0 of features
  std::vector<std::uint8_t> pixels;  ///< [count, channels, height, width]
  std::vector<std::int32_t> labels;
  int channels = 1;                  ///< 1: grey; 3: red, green, blue
  int feature_count = 0;             ///< numbers of an example; 0 of images
  std::vector<float> features = {};  ///< [count, feature_count]; finite
  float mirror =
      1;  ///< an inverted input x is mirror - x: 1 if inputs are in 0 .. 1, 0 if they are standardised
  std::vector<std::int64_t> index =
      {};  ///< [count] index of each example in its part of the source, from 0; empty: 0, 1, 2, ...

  std::int64_t count() const { return static_cast<std::int64_t>(labels.size()); }
  bool is_images() const { return feature_count == 0; }
  /// N_0 of a base model on these examples: the features, or images at resolution x resolution.
  std::int64_t inputs(int resolution) const {
    return is_images() ? std::int64_t{channels} * resolution * resolution : feature_count;
  }
};

struct Dataset {
  std::string name;             ///< the user's name for it, for example "mnist"
  std::string source;           ///< where it came from, for messages and provenance
  std::string kind = {};        ///< the format found there, for example "IDX images"
  std::string input_note = {};  ///< what the inputs are, if they are not pixels, one line
  std::vector<std::string> class_names;
  ImageSet train, test;    ///< both at the set's own resolution
  std::string split_note;  ///< how the splits were made, one line
  std::vector<int>
      validation_classes;  ///< classes kept for meta-validation, never in a training task (empty: none)
  std::vector<int> test_classes = {};   ///< classes kept for reporting, not in training or validation tasks
                                        ///< (empty: the same as validation_classes)
  std::vector<std::string> provenance;  ///< for example font names and checksums, one line each
  ImageSet validation;  ///< examples for meta-validation: glyph: validation_classes of held-out fonts;
                        ///< cifar10: validation_classes of the train split; imagenet: as cifar10; others: a
                        ///< hashed tenth of the train part, all classes, which is not in `train`
  SyntheticMaker make =
      nullptr;  ///< of a synthetic family: all splits are empty, each task generates its own set
  std::string label_note = {};  ///< of a table: which column is the label and why, one line
  std::vector<std::string> notes =
      {};  ///< warnings of the reader, one line each: what was left out or guessed
};

/// How a set is converted while it is read.
struct LoadOptions {
  bool colour = false;  ///< colour images keep their three channels; otherwise they become grey by luminance
  int words = 1000;     ///< inputs of a bag of words: the most frequent words of the train part
};

/// Throws UsageError, naming the fix, for a synthetic family: it has no examples to evaluate on or apply a
/// rule to.
void require_own_examples(const Dataset& set);

}  // namespace metalearn
