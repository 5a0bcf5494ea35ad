// Errors of the world (a file, a disk, a user's word), each with the exit code that the program documents for
// it.
//
// The message is one line that names the thing and the fix. API misuse is std::invalid_argument instead; our
// own bugs are asserts.
#pragma once
#include <stdexcept>
#include <string>

namespace checkpoints {

struct Error : std::runtime_error {
  Error(int code, const std::string& message) : std::runtime_error(message), exit_code(code) {}
  int exit_code;
};

/// The objective is no longer a number and training can't go on.
struct Diverged : Error {
  explicit Diverged(const std::string& m) : Error(2, m) {}
};
/// The command line, an option or a configuration key is wrong.
struct UsageError : Error {
  explicit UsageError(const std::string& m) : Error(64, m) {}
};
/// A data file or snapshot is damaged, or not what it should be.
struct BadData : Error {
  explicit BadData(const std::string& m) : Error(65, m) {}
};
/// A file or folder that was named does not exist or can't be read.
struct NoInput : Error {
  explicit NoInput(const std::string& m) : Error(66, m) {}
};
/// The job can't be done within the memory it was given.
struct MemoryBudget : Error {
  explicit MemoryBudget(const std::string& m) : Error(71, m) {}
};
/// Writing failed.
struct IoError : Error {
  explicit IoError(const std::string& m) : Error(74, m) {}
};
/// This machine computed the same thing twice with different results.
struct MachineFault : Error {
  explicit MachineFault(const std::string& m) : Error(76, m) {}
};
/// Another process owns the run directory.
struct Busy : Error {
  explicit Busy(const std::string& m) : Error(75, m) {}
};

}  // namespace checkpoints
