// BagOfWords: text files in class folders (class_folders.hpp), for example IMDB's reviews in the layout of
// aclImdb, as features: whether each word occurs in the text.
//
// Words are runs of letters, digits and ' in lower case (of A-Z only); all other ASCII and Latin-1 signs,
// general punctuation, the byte order mark and HTML's <br /> separate them. Inputs are the most frequent
// words of the train part, most frequent first, ties by their bytes: 1 if the word occurs, 0 if not. Pure
// functions of the files.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "metalearn/data/dataset.hpp"
#include "metalearn/data/formats/class_folders.hpp"

namespace metalearn {

/// The words of a text. Throws BadData, naming `name` and the byte, if it is not UTF-8.
std::vector<std::string> words_of(std::string_view text, const std::string& name);

/// The splits are those of split_parts. There are fewer inputs than `words` if the train part has fewer
/// different words. Throws BadData if it has none, or if no text of a split holds any of them.
Dataset read_texts(const std::string& name, const std::filesystem::path& folder, const ClassFolders& found,
                   int words);

}  // namespace metalearn
