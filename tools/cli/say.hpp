// say: the only way in which the program writes to stdout and stderr: control characters in names from files
// and command lines never reach a terminal, and a reader, pipe or disk that goes away never ends a command.
//
// What can't be written to stderr is dropped. What can't be written to stdout is remembered: main() asks
// flush_words() at the end. Any number of threads.
#pragma once
#include <fmt/format.h>

#include <concepts>
#include <cstdio>
#include <string_view>
#include <utility>

#include "metalearn/base/shown_text.hpp"

namespace tools {

/// First thing in main(): descriptors 0, 1 and 2 that are closed lead to /dev/null, where using them fails as
/// before, so that no file of a run gets one of their numbers; a reader that goes away sends no signal.
void open_streams();

/// The bytes as they are.
void put(std::FILE* file, std::string_view text) noexcept;

/// Hands over what was said on stdout. The errno of the first failure since the start, 0 where all of it
/// arrived.
int flush_words() noexcept;
/// What was said on stdout until now is no result of the command: it does not matter where it got lost.
void forgive_unwritten() noexcept;

/// A text of several lines.
inline void say_text(std::FILE* file, std::string_view text) { put(file, metalearn::shown_lines(text)); }
inline void say_text(std::string_view text) { say_text(stdout, text); }

/// An argument as it is printed: text becomes one harmless line.
template <class T>
decltype(auto) said(const T& argument) {
  if constexpr (std::convertible_to<const T&, std::string_view>)
    return metalearn::shown(argument);
  else
    return (argument);
}

/// Like print of fmt. Only the format contains line ends.
template <class... T>
void say(std::FILE* file, fmt::format_string<T...> format, T&&... arguments) {
  say_text(file, fmt::vformat(fmt::string_view(format), fmt::make_format_args(said(arguments)...)));
}
template <class... T>
void say(fmt::format_string<T...> format, T&&... arguments) {
  say(stdout, format, std::forward<T>(arguments)...);
}

}  // namespace tools
