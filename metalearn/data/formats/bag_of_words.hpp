// BagOfWords: text files in class folders (class_folders.hpp), for example IMDB's reviews in the layout of
// aclImdb, as features: does a word occur in the text?
//
// Words are runs of letters, digits and ' in lower case (of A-Z only); all other ASCII and Latin-1 signs,
// general punctuation and HTML's <br /> divide them. Inputs are the most frequent words of the train part,
// most frequent first and equally frequent ones by their bytes: 1 where the word occurs, 0 where it does not.
// Pure functions of the files found.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "metalearn/data/dataset.hpp"
#include "metalearn/data/formats/class_folders.hpp"

namespace metalearn {

/// The words of a text. Throws BadData, naming `name` and the byte, where it is not UTF-8.
std::vector<std::string> words_of(std::string_view text, const std::string& name);

/// The splits are those of split_parts. Fewer inputs than `words` where the train part has fewer different
/// ones. Throws BadData where it has none.
Dataset read_texts(const std::string& name, const std::filesystem::path& folder, const ClassFolders& found,
                   int words);

}  // namespace metalearn
