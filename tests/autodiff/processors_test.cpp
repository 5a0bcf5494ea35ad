#include "autodiff/parallel/processors.hpp"

#include <doctest/doctest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>

#include "autodiff/parallel/parallel.hpp"
#include "tests/support/folder.hpp"

namespace {

void spill(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("a quota counts in whole processors, and the least of a cgroup and those that it lies in counts") {
  support::Folder folder;
  const std::string root = folder.path.string(), self = "0::/machine/job\n";
  CHECK_FALSE(autodiff::quota_processors(self, root));
  spill(folder / "machine/job/cpu.max", "max 100000\n");
  CHECK_FALSE(autodiff::quota_processors(self, root));
  spill(folder / "machine/cpu.max", "250000 100000\n");
  CHECK(autodiff::quota_processors(self, root) == 3);
  spill(folder / "machine/job/cpu.max", "50000 100000\n");
  CHECK(autodiff::quota_processors(self, root) == 1);
  spill(folder / "machine/job/cpu.max", "900000 100000\n");
  CHECK(autodiff::quota_processors(self, root) == 3);
  spill(folder / "cpu.max", "200000 100000\n");
  CHECK(autodiff::quota_processors(self, root) == 2);
  CHECK(autodiff::quota_processors("0::/\n", root) == 2);
  CHECK_FALSE(autodiff::quota_processors("", root));
}

TEST_CASE("quotas of version 1 stand with the controller") {
  support::Folder folder;
  const std::string root = folder.path.string(), self = "5:memory:/m\n4:cpu,cpuacct:/job\n1:name=systemd:/\n";
  spill(folder / "cpu/job/cpu.cfs_period_us", "100000\n");
  spill(folder / "cpu/job/cpu.cfs_quota_us", "-1\n");
  CHECK_FALSE(autodiff::quota_processors(self, root));
  spill(folder / "cpu/job/cpu.cfs_quota_us", "400000\n");
  CHECK(autodiff::quota_processors(self, root) == 4);
}

TEST_CASE("threads are as many as processors that the process may run on") {
  cpu_set_t before, one;
  REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
  CHECK(autodiff::usable_processors() <= CPU_COUNT(&before));
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  const int usable = autodiff::usable_processors(), threads = autodiff::Parallel(0).threads();
  REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
  CHECK(usable == 1);
  CHECK(threads == 1);
}
