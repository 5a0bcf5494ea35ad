// Commands: the table of what `metalearn` can do, one source file each.
//
// A command prints results to stdout, progress and notes to stderr, and returns the exit code; whatever goes
// wrong it throws.
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
  Usage (*usage)();                ///< of its own help; the synopsis begins with "metalearn NAME"
  int (*run)(const Words& words);  ///< the words after the command's name
};

/// In the order of help. To add one: a file in this folder that defines it, and a row in commands.cpp.
std::span<const Command* const> commands();

}  // namespace tools
