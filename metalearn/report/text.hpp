// Text of users in pages and commands. Pure functions.
#pragma once
#include <string>

namespace metalearn::report {

/// UTF-8 without control characters: what is neither stands as ?.
std::string clean(const std::string& text);

/// A word as a shell reads it back: as it is, or in quotes.
std::string shell_word(const std::string& word);

}  // namespace metalearn::report
