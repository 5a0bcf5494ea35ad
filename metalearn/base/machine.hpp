// Machine: describes the machine that wrote a run's snapshots, for comparisons of times. Nothing else depends
// on it. Any number of threads.
#pragma once
#include <string>

namespace metalearn {

/// "AMD EPYC 9R14, 2 cores": the cores that the process may use; the processor is "unknown processor" if the
/// system does not name it.
std::string machine();

/// The processor in a /proc/cpuinfo, from its first line "model name", in printable characters; empty if
/// there is none.
std::string processor_in(const std::string& cpuinfo);

}  // namespace metalearn
