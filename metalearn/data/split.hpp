// Splits: which examples a part gives away, by a fixed hash of the example's number within its class; and the checks on what a part holds.
//
// A split depends on labels alone: the same on every machine, and no seed changes it. Pure functions.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// Fewest examples that every class of a part must have: 10 labels for the support and 10 others for the query (issue "Bad input").
inline constexpr std::int64_t kFewestExamples = 20;

/// An example per entry: does the hashed split give it away? Of each class it gives n / share examples, but 20 of them (or half of the class) at least.
/// REQUIRES share >= 2.
std::vector<char> hashed_split(std::span<const std::int32_t> labels, std::int64_t share);

/// The examples whose mark is the given one, in their order.
ImageSet take(const ImageSet& set, const std::vector<char>& marks, char mark);

/// How many examples of each of `classes` classes.
std::vector<std::int64_t> count_classes(const ImageSet& set, std::size_t classes);

/// Throws BadData, naming `where` (a file or folder), unless there are two classes or more and each has kFewestExamples.
void check_classes(const ImageSet& set, const std::vector<std::string>& class_names, const std::string& where);

}  // namespace metalearn
