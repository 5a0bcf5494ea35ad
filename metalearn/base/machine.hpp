// Machine: what a run's snapshots say of the machine that wrote them, for whoever compares seconds. Nothing
// depends on it. Any number of threads.
#pragma once
#include <string>

namespace metalearn {

/// "AMD EPYC 9R14, 2 cores"; the processor is "unknown processor" where the system does not name it.
std::string machine();

/// The processor of a /proc/cpuinfo: of its first line "model name", in letters that any text may have; empty
/// where there is none.
std::string processor_in(const std::string& cpuinfo);

}  // namespace metalearn
