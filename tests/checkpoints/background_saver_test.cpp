#include "checkpoints/background_saver.hpp"

#include <cmath>
#include <stdexcept>
#include <thread>

#include "checkpoints/snapshot_file.hpp"
#include "fixture.hpp"

using namespace checkpoints;
using namespace checkpoints::test;

namespace {

Archive state(std::int64_t update, float value) {
  Archive a;
  a.put("theta/w", {2000}, std::vector<float>(2000, value));
  a.set("counters", "update", update);
  return a;
}

}  // namespace

TEST_CASE("every state handed over is saved, in order, with what must be on the disk before it") {
  TemporaryDirectory dir;
  auto run = RunDirectory::create(dir.path());
  std::vector<std::size_t> before;
  {
    BackgroundSaver saver(run, [&] { before.push_back(run.snapshots().size()); });
    for (std::int64_t update = 0; update < 5; ++update)
      saver.save(update, state(update, static_cast<float>(update)), {5});
    saver.wait();
    CHECK(run.snapshots().size() == 5);
    saver.save(5, state(5, 5), {6});
  }  // waits
  CHECK(before == std::vector<std::size_t>{0, 1, 2, 3, 4, 5});
  for (const auto& s : run.snapshots())
    CHECK(load_snapshot(s.path).numbers<float>("theta/w")[0] == static_cast<float>(s.update));
}

TEST_CASE("the caller goes on while a save runs, and may change its state") {
  TemporaryDirectory dir;
  auto run = RunDirectory::create(dir.path());
  std::promise<void> gate;
  BackgroundSaver saver(run, [opened = gate.get_future().share()] { opened.wait(); });
  Archive mine = state(1, 1);
  saver.save(1, mine, {});
  mine = state(1, 2);
  saver.check();  // returns, though the save waits for the gate
  CHECK(run.snapshots().empty());
  gate.set_value();
  saver.wait();
  CHECK(load_snapshot(snapshot_path(dir.path(), 1)).numbers<float>("theta/w")[0] == 1);
}

TEST_CASE("what a save throws comes out of the next call, once, and a later save can succeed") {
  TemporaryDirectory dir;
  FaultyFileSystem files;
  auto run = RunDirectory::create(dir / "run", files);
  BackgroundSaver saver(run);
  const auto fail = [&] {
    files.fail_at = files.calls.load();
    saver.save(1, state(1, 1), {});
  };
  fail();
  CHECK_THROWS_AS(saver.wait(), IoError);
  saver.wait();
  fail();
  CHECK_THROWS_AS(saver.save(2, state(2, 2), {}), IoError);
  fail();
  CHECK_THROWS_AS(
      [&] {
        for (int i = 0; i < 1000; ++i, std::this_thread::sleep_for(std::chrono::milliseconds(5)))
          saver.check();
      }(),
      IoError);
  saver.save(3, state(3, 3), {});
  saver.wait();
  CHECK(run.snapshots().size() == 1);
  saver.save(4, state(4, NAN), {});
  CHECK_THROWS_AS(saver.wait(), std::invalid_argument);
}
