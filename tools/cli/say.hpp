// say: the only way in which the program writes to stdout and stderr: control characters in names from files
// and command lines never reach a terminal.
#pragma once
#include <fmt/format.h>

#include <concepts>
#include <cstdio>
#include <string_view>
#include <utility>

#include "metalearn/base/shown_text.hpp"

namespace tools {

/// A text of several lines.
inline void say_text(std::FILE* file, std::string_view text) {
  fmt::print(file, "{}", metalearn::shown_lines(text));
}
inline void say_text(std::string_view text) { say_text(stdout, text); }

/// An argument as it is printed: text becomes one harmless line.
template <class T>
decltype(auto) said(const T& argument) {
  if constexpr (std::convertible_to<const T&, std::string_view>)
    return metalearn::shown(argument);
  else
    return (argument);
}

/// Like fmt::print. Only the format contains line ends.
template <class... T>
void say(std::FILE* file, fmt::format_string<T...> format, T&&... arguments) {
  say_text(file, fmt::vformat(fmt::string_view(format), fmt::make_format_args(said(arguments)...)));
}
template <class... T>
void say(fmt::format_string<T...> format, T&&... arguments) {
  say(stdout, format, std::forward<T>(arguments)...);
}

}  // namespace tools
