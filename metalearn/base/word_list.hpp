// WordList: lists of words as one string. Functions without state.
#pragma once
#include <string>
#include <vector>

namespace metalearn {

/// Entries are separated by commas; "\," is a comma within an entry (in a folder's name, for example).
std::vector<std::string> split_list(const std::string& text);
std::string join_list(const std::vector<std::string>& entries);

}  // namespace metalearn
