// The exit code with which the program would end after what a function throws.
#pragma once
#include <string>

#include "checkpoints/error.hpp"

namespace support {

/// The exit code of the checkpoints::Error that f throws, 0 if it throws none; message receives its words.
template <class F>
int exit_code_of(F f, std::string* message = nullptr) {
  try {
    f();
    return 0;
  } catch (const checkpoints::Error& e) {
    if (message) *message = e.what();
    return e.exit_code;
  }
}

}  // namespace support
