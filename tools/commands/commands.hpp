// Commands: the table of what `metalearn` can do, one source file each.
//
// A command prints results to stdout, progress and notes to stderr, and returns the exit code; whatever goes
// wrong it throws.
#pragma once
#include <span>
#include <string>
#include <vector>

namespace tools {

using Words = std::vector<std::string>;

int train(const Words& words);
int resume(const Words& words);
int eval(const Words& words);
int vectors(const Words& words);
int sweep(const Words& words);
int apply(const Words& words);
int data(const Words& words);
int import_numpy(const Words& words);
int export_numpy(const Words& words);
int inspect(const Words& words);
int verify(const Words& words);
int diff(const Words& words);
int reproduce(const Words& words);
int plan(const Words& words);
int gradient(const Words& words);
int report(const Words& words);
int doctor(const Words& words);

struct Command {
  const char *name, *summary;
  int (*run)(const Words&);
};
std::span<const Command> commands();

}  // namespace tools
