// ShownText: foreign text (names of files, classes and arrays, keys, words of a command line) as a reader may
// see it.
//
// What would steer a terminal, reorder a line or not be seen at all is written out. One function per target;
// HTML and gnuplot have theirs in report/. Pure functions. Backslashes stay as they are: the result is for
// eyes, not for reading back.
#pragma once
#include <string>
#include <string_view>

namespace metalearn {

/// One line of UTF-8: control characters (C0, DEL, C1) as \x1b, those that turn the direction of writing, end
/// lines or have no shape as \u202e, bytes that are no UTF-8 as \xff.
std::string shown(std::string_view text);

/// The same of several lines, whose ends stay.
std::string shown_lines(std::string_view text);

/// A cell of a CSV file: as shown(), in quotes where it needs them.
std::string shown_csv(std::string_view text);

/// Of a JSON document in UTF-8, the same characters as JSON's own escapes: the same document.
std::string shown_json(std::string_view document);

}  // namespace metalearn
