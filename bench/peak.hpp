// Peak: the multiply-adds per second of this machine when nothing else limits them, measured now. Every "per
// cent of peak" is relative to it.
#pragma once
#include <string>
#include <vector>

namespace bench {

/// Kernel levels that this build has and this machine runs, plainest first ("scalar", "v2", "v3", "v4").
std::vector<std::string> levels();

/// GFLOP/s (two per multiply-add) in float32 with the vectors and instructions of a level, on `threads`
/// threads at once: the best of many rounds of short bursts, so that other work on the machine has little
/// effect. Takes a fraction of a second. Throws std::invalid_argument for a level that is not among levels(),
/// or threads < 1.
double peak_gflops(const std::string& level, int threads = 1);

}  // namespace bench
