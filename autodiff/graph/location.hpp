// Location: where in the user's source a node was recorded. Builders take `Location at = here()` as their
// last argument.
#pragma once

namespace autodiff {

struct Location {
  const char* file = "";
  int line = 0;
};

constexpr Location here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return {file, line};
}

}  // namespace autodiff
