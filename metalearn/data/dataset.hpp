// Dataset: labelled grey images in memory, in three splits (train, meta-validation, test), with what was found and how it was split.
//
// Const after loading, any number of threads may read.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace metalearn {

/// count images of height x width grey bytes, row by row, and their labels.
struct ImageSet {
  int height = 0, width = 0;
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  std::int64_t count() const { return static_cast<std::int64_t>(labels.size()); }
};

struct Dataset {
  std::string name;                       ///< the user's name for it, for example "mnist"
  std::string source;                     ///< where it came from, for messages and provenance
  std::vector<std::string> class_names;
  ImageSet train, test;                   ///< both at the set's own resolution
  std::string split_note;                 ///< how train and test were told apart, one line
  std::vector<int> validation_classes;    ///< classes kept for meta-validation, never in a training task (empty: none)
  std::vector<std::string> provenance;    ///< for example font names and checksums, one line each
  ImageSet validation;                    ///< what meta-validation sees: glyph: validation_classes of held-out fonts; cifar10: validation_classes of
                                          ///< the train split; IDX sets: a hashed tenth of the train files, all classes, which is not in `train`
};

/// A word of the command line: NAME or NAME=DIR. Known names: glyph, mnist, fashion-mnist, cifar10; any other NAME=DIR is an IDX directory.
/// Throws NoInput, BadData or UsageError with one line that names the file and the fix.
/// Reads and checks everything at once, and keeps nothing for the next call.
std::shared_ptr<const Dataset> load_dataset(const std::string& word);

}  // namespace metalearn
