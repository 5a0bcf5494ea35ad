// Version: what snapshots say wrote them. The project's version in CMakeLists.txt; a test compares the two.
#pragma once

namespace metalearn {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace metalearn
