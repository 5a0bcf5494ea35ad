#include "autodiff/parallel/processors.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <vector>

namespace autodiff {
namespace {

/// Of the kernel, /proc and /sys: nothing there is ever waited for.
std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void lower(std::optional<int>& least, double quota, double period) {
  if (!(quota > 0 && period > 0)) return;  // -1: none
  const double processors = std::ceil(quota / period);
  if (processors < 1e6) least = std::min(least.value_or(1000000), static_cast<int>(processors));
}

/// Of the cgroup in `folder` itself.
void lower_by(std::optional<int>& least, const std::string& folder) {
  double quota = 0, period = 0;
  if (std::istringstream both(text_of(folder + "/cpu.max")); both >> quota >> period)  // "max 100000": none
    lower(least, quota, period);
  std::istringstream first(text_of(folder + "/cpu.cfs_quota_us")),
      second(text_of(folder + "/cpu.cfs_period_us"));
  if (first >> quota && second >> period) lower(least, quota, period);
}

/// Affinity; 0 where it is not told.
int allowed_processors() {
  for (int most = CPU_SETSIZE; most <= CPU_SETSIZE * 64; most *= 2) {
    cpu_set_t* const set = CPU_ALLOC(most);
    if (!set) return 0;
    const std::size_t bytes = CPU_ALLOC_SIZE(most);
    const int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
  return 0;
}

}  // namespace

std::optional<int> quota_processors(const std::string& self, const std::string& root) {
  std::optional<int> least;
  std::istringstream lines(self);
  for (std::string line; std::getline(lines, line);) {  // "0::/path" or "4:cpu,cpuacct:/path"
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string mount = root;
    if (!controllers.empty()) {
      if ((',' + controllers + ',').find(",cpu,") == std::string::npos) continue;
      mount += "/cpu";
    }
    for (std::string path = line.substr(second + 1);; path.resize(path.find_last_of('/'))) {
      if (path == "/") path.clear();
      lower_by(least, mount + path);
      if (path.find('/') == std::string::npos) break;
    }
  }
  return least;
}

int usable_processors() {
  const int allowed = allowed_processors(),
            known = allowed > 0 ? allowed : static_cast<int>(std::thread::hardware_concurrency());
  return std::max(
      1, std::min(known, quota_processors(text_of("/proc/self/cgroup"), "/sys/fs/cgroup").value_or(known)));
}

}  // namespace autodiff
