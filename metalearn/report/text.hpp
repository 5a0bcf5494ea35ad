// Text: user text in pages and commands. Pure functions.
#pragma once
#include <string>

namespace metalearn::report {

/// One line of UTF-8 without control characters: as shown(), and ? for characters that gnuplot_script.cpp
/// uses itself.
std::string clean(const std::string& text);

/// A word quoted for a shell, if needed.
std::string shell_word(const std::string& word);

}  // namespace metalearn::report
