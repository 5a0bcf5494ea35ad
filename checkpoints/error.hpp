// Errors with causes outside the program (a file, a disk, user input), each with its documented exit code.
//
// The message is one line that names the object and the fix. API misuse throws std::invalid_argument instead;
// bugs of this library are asserts.
#pragma once
#include <stdexcept>
#include <string>

namespace checkpoints {

struct Error : std::runtime_error {
  Error(int code, const std::string& message) : std::runtime_error(message), exit_code(code) {}
  int exit_code;
};

/// The objective is no longer finite and training can't continue.
struct Diverged : Error {
  explicit Diverged(const std::string& m) : Error(2, m) {}
};
/// The command line, an option or a configuration key is wrong.
struct UsageError : Error {
  explicit UsageError(const std::string& m) : Error(64, m) {}
};
/// A data file or snapshot is damaged or of the wrong kind.
struct BadData : Error {
  explicit BadData(const std::string& m) : Error(65, m) {}
};
/// A named file or folder does not exist or can't be read.
struct NoInput : Error {
  explicit NoInput(const std::string& m) : Error(66, m) {}
};
/// The available memory or the memory budget is too small.
struct MemoryBudget : Error {
  explicit MemoryBudget(const std::string& m) : Error(71, m) {}
};
/// Writing failed.
struct IoError : Error {
  explicit IoError(const std::string& m) : Error(74, m) {}
};
/// This machine computed the same state twice with different results.
struct MachineFault : Error {
  explicit MachineFault(const std::string& m) : Error(76, m) {}
};
/// Another process owns the run directory.
struct Busy : Error {
  explicit Busy(const std::string& m) : Error(75, m) {}
};

}  // namespace checkpoints
