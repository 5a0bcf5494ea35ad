// WordList: lists of words as one text. Functions without state.
#pragma once
#include <string>
#include <vector>

namespace metalearn {

/// Lists are written with commas; "\," is a comma within an entry (of a folder's name, for example).
std::vector<std::string> split_list(const std::string& text);
std::string join_list(const std::vector<std::string>& entries);

}  // namespace metalearn
