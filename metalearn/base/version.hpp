// Version: the program's version, recorded in snapshots: the project's version in CMakeLists.txt. Any number
// of threads.
#pragma once

namespace metalearn {

extern const char* const kVersion;

}  // namespace metalearn
