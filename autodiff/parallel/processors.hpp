// Processors: how many threads this process can run at one time, for whoever uses all of them: those that it
// may run on (taskset, a container's set), within its share of time (cgroup quota). Any number of threads.
#pragma once
#include <optional>
#include <string>

namespace autodiff {

/// At least 1.
int usable_processors();

/// The least quota, in processors rounded up, of a process's cgroups and those that they lie in; nothing
/// where no time is limited. `self`: text of /proc/self/cgroup; `root`: where cgroups are, /sys/fs/cgroup
/// (version 2, or 1 with a folder per controller).
std::optional<int> quota_processors(const std::string& self, const std::string& root);

}  // namespace autodiff
