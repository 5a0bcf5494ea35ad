// Program: command line code shared by the benchmark programs: parsing, JSON, and errors as one line and an
// exit code.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tools/cli/json.hpp"
#include "tools/cli/options.hpp"

namespace bench {

using tools::Json;

/// Runs `body` on the words after the program's name. An error is one line on stderr and the exit code that
/// the program `metalearn` documents for it; also if METALEARN_ISA names a level that does not exist.
int run_program(const std::string& name, int argc, char** argv,
                const std::function<void(const std::vector<std::string>&)>& body);

/// --name as a number of seconds in 0 .. 86400. Throws checkpoints::UsageError.
double seconds_option(const tools::Arguments& arguments, const std::string& name, double fallback);

}  // namespace bench
