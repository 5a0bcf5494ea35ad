// Splits: which examples of a part are held out, by a fixed hash of the example's key within its class; and
// checks on the contents of a part.
//
// If an example is a file of its own or a row, its key is a checksum of its contents, so that it tends to
// stay in its part when others are added or removed; otherwise the key is its number within its class. Splits
// are the same on every machine and for every seed. Pure functions.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// Fewest examples per class of a part: 10 labelled examples for the support and 10 others for the query, the
/// protocol's default.
inline constexpr std::int64_t kFewestExamples = 20;

/// One entry per example: 1 if the hashed split holds it out. Of a class of n examples it holds out n /
/// share, but at least 20 (or half of the class). keys: one per example; if empty, its number within its
/// class. REQUIRES share >= 2.
std::vector<char> hashed_split(std::span<const std::int32_t> labels, std::int64_t share,
                               std::span<const std::uint64_t> keys = {});

/// Describes a hashed split: "hashed fifth of each class", followed by " (at least 20, or half of a small
/// class)" if a class gives more than its share. `part`: "fifth of each class".
std::string split_words(std::span<const std::int32_t> labels, const std::vector<char>& marks,
                        std::int64_t share, const std::string& part);
/// split_note of a set with one part, whose marked examples (a fifth) are the test split.
std::string one_part_note(std::span<const std::int32_t> labels, const std::vector<char>& marks);

/// The key of an example with these bytes (FNV-1a).
std::uint64_t example_key(std::span<const std::uint8_t> bytes);

/// Marks: 1 for examples whose label is one of `classes`.
std::vector<char> marks_of(std::span<const std::int32_t> labels, const std::vector<int>& classes);

/// The examples with the given mark, in order, with their indices in the source.
ImageSet take(const ImageSet& set, const std::vector<char>& marks, char mark);

/// Number of examples of each of `classes` classes.
std::vector<std::int64_t> count_classes(const ImageSet& set, std::size_t classes);

/// Throws BadData, naming `where` (a file or folder), unless there are at least two classes with at least
/// kFewestExamples each.
void check_classes(const ImageSet& set, const std::vector<std::string>& class_names,
                   const std::string& where);

/// Names of the parts of a set in messages and in split_note.
struct PartNames {
  std::string train, test;  ///< "train", "t10k"
  std::string both;         ///< "train-* files and t10k-* files"
  std::string examples;     ///< "images"
};

/// Fills data.train, test, validation and split_note from a set's one or two parts, each with all classes.
/// With only one part, a hashed fifth of it is the test split. A hashed tenth of the train split is kept for
/// meta-validation, unless a class would be left with fewer than kFewestExamples. Throws what check_classes
/// throws. keys: of the train part, as hashed_split takes them.
void split_parts(Dataset& data, ImageSet train, std::optional<ImageSet> test, const PartNames& names,
                 std::vector<std::uint64_t> keys = {});

}  // namespace metalearn
