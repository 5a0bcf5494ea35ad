// Nearest: the "did you mean" of every message about an unknown word.
//
// Pure functions, any number of threads.
#pragma once
#include <string>
#include <vector>

namespace metalearn {

/// Insertions, deletions, replacements and swaps of neighbours that turn a into b (optimal string alignment
/// distance).
int edit_distance(const std::string& a, const std::string& b);

/// The candidate with the smallest edit distance to `word`; empty if none is close (if more than a third of
/// the word's letters, and at least 2, would have to change).
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

/// ": did you mean 'x'?" or an empty string.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace metalearn
