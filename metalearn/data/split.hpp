// Splits: which examples a part gives away, by a fixed hash of the example's key within its class; and the
// checks on what a part holds.
//
// A key is a checksum of what the example holds, where it stands in a file of its own or in a row, so that it
// tends to stay in its part when others come or go; otherwise its number within its class. The same on every
// machine, and no seed changes it. Pure functions.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// Fewest examples that every class of a part must have: 10 labels for the support and 10 others for the
/// query, the protocol's default.
inline constexpr std::int64_t kFewestExamples = 20;

/// An example per entry: does the hashed split give it away? Of each class it gives n / share examples, but
/// 20 of them (or half of the class) at least. keys: one per example; without them its number within its
/// class. REQUIRES share >= 2.
std::vector<char> hashed_split(std::span<const std::int32_t> labels, std::int64_t share,
                               std::span<const std::uint64_t> keys = {});

/// "hashed fifth of each class", with " (at least 20, or half of a small class)" behind it where a class
/// gives more than its share: what hashed_split did, for the user. `part`: "fifth of each class".
std::string split_words(std::span<const std::int32_t> labels, const std::vector<char>& marks,
                        std::int64_t share, const std::string& part);
/// split_note of a set of one part whose marked examples, a fifth, are the test split.
std::string one_part_note(std::span<const std::int32_t> labels, const std::vector<char>& marks);

/// A key of an example's bytes (FNV-1a).
std::uint64_t example_key(std::span<const std::uint8_t> bytes);

/// Which marks: true for labels of one of `classes`.
std::vector<char> marks_of(std::span<const std::int32_t> labels, const std::vector<int>& classes);

/// The examples whose mark is the given one, in their order; with their places in the source.
ImageSet take(const ImageSet& set, const std::vector<char>& marks, char mark);

/// How many examples of each of `classes` classes.
std::vector<std::int64_t> count_classes(const ImageSet& set, std::size_t classes);

/// Throws BadData, naming `where` (a file or folder), unless there are two classes or more and each has
/// kFewestExamples.
void check_classes(const ImageSet& set, const std::vector<std::string>& class_names,
                   const std::string& where);

/// What the parts of a set are called in messages and in split_note.
struct PartNames {
  std::string train, test;  ///< "train", "t10k"
  std::string both;         ///< "train-* files and t10k-* files"
  std::string examples;     ///< "images"
};

/// Fills data.train, test, validation and split_note from a set's one or two parts, all classes in each: of
/// one part only a hashed fifth is the test split. A hashed tenth of the train split is kept for
/// meta-validation, unless a class would be left with fewer than kFewestExamples. Throws what check_classes
/// throws. keys: of the train part, as hashed_split takes them.
void split_parts(Dataset& data, ImageSet train, std::optional<ImageSet> test, const PartNames& names,
                 std::vector<std::uint64_t> keys = {});

}  // namespace metalearn
