// Version: what snapshots say wrote them, and what the program calls itself: the project's version in
// CMakeLists.txt. Any number of threads.
#pragma once

namespace metalearn {

extern const char* const kVersion;

}  // namespace metalearn
