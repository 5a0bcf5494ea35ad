// Slow tests take a part of their counts unless METALEARN_FULL=1 is set.
#pragma once
#include <cstdlib>
#include <string>

inline bool full_counts() {
  const char* value = std::getenv("METALEARN_FULL");
  return value && std::string(value) == "1";
}
