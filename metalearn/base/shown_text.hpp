// ShownText: foreign text (names of files, classes and arrays, keys, words of a command line) made safe to
// display.
//
// Characters that control a terminal, reorder a line or are invisible are escaped. One function per target;
// those for HTML and gnuplot are in report/. Pure functions. Backslashes stay as they are: the result is for
// people, not for parsing.
#pragma once
#include <string>
#include <string_view>

namespace metalearn {

/// One line of UTF-8: control characters (C0, DEL, C1) as \x1b, those that change the writing direction, end
/// lines or are invisible as \u202e, bytes that are not UTF-8 as \xff.
std::string shown(std::string_view text);

/// The same for several lines; line ends stay.
std::string shown_lines(std::string_view text);

/// A cell of a CSV file: as shown(), in quotes if needed.
std::string shown_csv(std::string_view text);

/// Writes these characters of a JSON document in UTF-8 as JSON's own escapes: an equal document.
std::string shown_json(std::string_view document);

}  // namespace metalearn
