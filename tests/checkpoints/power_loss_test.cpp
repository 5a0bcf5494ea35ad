// What a machine finds that lost its power at any moment of a run: the old or the new snapshot, whole.
#include <functional>
#include <set>
#include <unordered_set>

#include "../full_counts.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "fixture.hpp"
#include "power_loss_file_system.hpp"

using namespace checkpoints;
using namespace checkpoints::test;

namespace {

Archive state(float value) {
  Archive a;
  a.put("theta/w", {1100}, std::vector<float>(1100, value));
  a.set("counters", "update", static_cast<std::int64_t>(value));
  return a;
}

struct Save {
  std::int64_t update;
  float value;
  std::size_t changes = 0;  ///< recorded once it has returned
};

/// Throws away and replays: visits every disk that a loss of power may leave, with the saves that had
/// returned by then.
void for_each_crash(const PowerLossFileSystem& files, const std::vector<Save>& saves,
                    const std::function<void(const PowerLossFileSystem::Disk&, std::size_t)>& visit) {
  std::unordered_set<std::string> seen;
  for (std::size_t count = 0; count <= files.changes(); ++count) {
    const auto done = static_cast<std::size_t>(
        std::count_if(saves.begin(), saves.end(), [&](const Save& s) { return s.changes <= count; }));
    files.crash_states(count, [&](const auto& disk) {
      if (seen.insert(std::to_string(done) + PowerLossFileSystem::contents(disk)).second) visit(disk, done);
    });
  }
}

/// Checks all disks that a loss of power may leave while `saves` are made one after the other; how many there
/// are.
int check_all_crashes(std::vector<Save> saves, std::size_t longest_write, const Retention& retention) {
  PowerLossFileSystem files;
  files.longest_write = longest_write;
  {
    auto run = RunDirectory::create("/runs/a", files);
    for (Save& save : saves) {
      run.save(save.update, state(save.value), retention);
      save.changes = files.changes();
    }
  }
  int states = 0;
  for_each_crash(files, saves, [&](const PowerLossFileSystem::Disk& disk, std::size_t done) {
    ++states;
    PowerLossFileSystem found(disk);
    NewestWhole newest;
    std::string m;
    const int code = exit_code_of([&] { newest = newest_whole_snapshot("/runs/a", found); }, &m);
    if (code != 0) {
      if (code != 66 || done > 0) FAIL(done << " saves had returned: " << m);
      return;
    }
    const float value = newest.archive.numbers<float>("theta/w").at(1099);
    const bool is_old = done > 0 && value == saves[done - 1].value,
               is_new = done < saves.size() && value == saves[done].value;
    if (!is_old && !is_new)
      FAIL(done << " saves had returned: " << newest.snapshot.path << " holds " << value);
    if (!newest.damaged.empty()) FAIL(newest.damaged.front().note);
    if (!newest.notes.empty()) FAIL(newest.notes.front());
    for (std::size_t i = 0; i < done; ++i)  // what retention keeps beside the newest
      if (retention.also.contains(saves[i].update) &&
          load_snapshot(snapshot_path("/runs/a", saves[i].update), found).numbers<float>("theta/w")[0] !=
              saves[i].value)
        FAIL(saves[i].update);
    if (states % 16 != 0) return;
    auto run = RunDirectory::open("/runs/a", found);  // and the run goes on from there
    run.save(900, state(900), retention);
    std::vector<std::string> names;
    found.list("/runs/a", names);
    for (const auto& name : names)
      if (name.ends_with(".tmp")) FAIL(name);
    if (newest_whole_snapshot("/runs/a", found).snapshot.update != 900) FAIL("the next save is not found");
  });
  return states;
}

}  // namespace

TEST_CASE("a power loss at any moment of a run leaves the old or the new snapshot, whole") {
  const int states =
      check_all_crashes({{0, 1}, {10, 2}, {20, 3}, {30, 4}, {31, 5}, {40, 6}}, 300, {2, 0, {10}});
  MESSAGE(states << " states of the disk after a power loss");
  CHECK(states >= 5000);
}

TEST_SUITE("slow") {
  TEST_CASE(
      "a power loss at any moment of a longer run in small writes leaves the old or the new snapshot, "
      "whole") {
    std::vector<Save> saves;
    const int count = full_counts() ? 24 : 8;
    for (int i = 0; i < count; ++i) saves.push_back({i * 7, static_cast<float>(i + 1)});
    int states = 0;
    for (std::size_t newest : {1, 3}) states += check_all_crashes(saves, 400, {newest, 0, {7, 35}});
    MESSAGE(states << " states of the disk after a power loss");
    CHECK(states >= 1500 * count);
  }
}
