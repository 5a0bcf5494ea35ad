// Commands: the table of `metalearn`'s commands, one source file each.
//
// A command prints results to stdout, progress and notes to stderr, and returns the exit code; it throws
// every error.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "tools/cli/options.hpp"

namespace tools {

using Words = std::vector<std::string>;

struct Command {
  const char* name;
  const char* summary;             ///< one line, for `metalearn --help`
  Usage (*usage)();                ///< for the command's own help; the synopsis begins with "metalearn NAME"
  int (*run)(const Words& words);  ///< the arguments after the command's name
};

/// In the order of the help text. To add a command: a file in this folder that defines it, and a row in
/// commands.cpp.
std::span<const Command* const> commands();

}  // namespace tools
