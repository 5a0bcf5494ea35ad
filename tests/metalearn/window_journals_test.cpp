#include "metalearn/windows/window_journals.hpp"

#include <chrono>
#include <thread>

#include "../checkpoints/fixture.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"
#include "metalearn/config/config_key.hpp"
#include "metalearn/snapshots/state_diff.hpp"
#include "small_task.hpp"

using namespace outer_test;
using checkpoints::test::TemporaryDirectory;

namespace {

/// One window, and the run that it is of.
struct Window {
  Config config = small_config();
  std::vector<std::string> provenance = {"rows: 72 images"};
  std::vector<float> theta = std::vector<float>(10, 0.5f);
  InFlight task = small_tasks(small_config())(3);
  std::int64_t update = 7;
  autodiff::Schedule schedule = autodiff::revolve(20, 3);
  int sub_segments = 1;

  std::unique_ptr<checkpoints::UnrollJournalFile> open(const std::string& directory) const {
    return WindowJournals(checkpoints::posix_file_system(), directory, config, provenance, sub_segments)
        .open(theta, task, update, schedule);
  }
};

void write(const Window& w, const std::string& directory) {
  const auto journal = w.open(directory);
  journal->begin();
  journal->write(std::vector<std::byte>(100));
  journal->commit();
}

}  // namespace

TEST_CASE(
    "a journal is found again by its own window alone: not with another theta, phi, task, age, update, "
    "schedule, configuration or data") {
  TemporaryDirectory dir;
  const Window window;
  write(window, dir.path());
  CHECK(checkpoints::test::names_in(dir.path()) == std::vector<std::string>{"window-3.journal"});
  CHECK(window.open(dir.path())->resume());
  const auto refused = [&](auto change) {
    Window other;
    change(other);
    CHECK_FALSE(other.open(dir.path())->resume());
  };
  refused([](Window& w) { w.theta[4] = 0.25f; });
  refused([](Window& w) { w.task.phi.back() += 1; });
  refused([](Window& w) { w.task.id = 4; });
  refused([](Window& w) { w.task.age = 1; });
  refused([](Window& w) { w.update = 8; });
  refused([](Window& w) { w.schedule = autodiff::revolve(20, 4); });
  refused([](Window& w) { w.schedule = autodiff::revolve(21, 3); });
  refused([](Window& w) { w.schedule = autodiff::two_level(20, 1, 2); });
  refused([](Window& w) { w.sub_segments = 2; });
  refused([](Window& w) { w.provenance[0] += ", other ones"; });
}

TEST_CASE("every key of the configuration that changes bits is another window's, and no other key is") {
  TemporaryDirectory dir;
  write(Window(), dir.path());
  const auto other_values = Config::from_preset("paper").to_map();
  const std::map<std::string, std::string> more = {
      {"data", "other"},     {"seed", "5"},         {"averages", "2"},   {"theta-average", "0.5"},
      {"updates", "7"},      {"threads", "2"},      {"save-every", "3"}, {"keep-newest", "9"},
      {"keep-every", "9"},   {"memory", "9000"},    {"disk", "9000"},    {"disk-dir", "d"},
      {"telemetry", "true"}, {"journal-every", "3"}};
  int changed = 0;
  for (const auto& [key, value] : small_config().to_map()) {
    const auto other = more.contains(key) ? more.at(key) : other_values.at(key);
    if (other == value) continue;
    CAPTURE(key);
    ++changed;
    Window w;
    w.config.set(key, other);
    CHECK(w.open(dir.path())->resume() == config_key(key).keeps_bits);
  }
  CHECK(changed > 30);
}

TEST_CASE(
    "the end of a window is kept where its update has taken longer than the interval by then, though the "
    "window has not; a new update begins anew") {
  TemporaryDirectory dir;
  Window first, second;
  first.config.journal_every = 0.5;
  second.task.id = 12;
  WindowJournals journals(checkpoints::posix_file_system(), dir.path(), first.config, {});
  const auto opened = [&](const Window& w, std::int64_t update) {
    return journals.open(w.theta, w.task, update, w.schedule);
  };
  CHECK_FALSE(opened(first, 7)->is_due(true));
  std::this_thread::sleep_for(std::chrono::milliseconds(550));
  const auto late = opened(second, 7);
  CHECK(late->is_due(true));
  CHECK_FALSE(late->is_due(false));
  CHECK_FALSE(opened(first, 8)->is_due(true));
}

TEST_CASE(
    "the journals of another update than the one to come go, and what can't be one; those of this update "
    "stay, also of another plan") {
  TemporaryDirectory dir;
  Window past, present;
  present.task.id = 12;
  present.update = 8;
  write(past, dir.path());
  write(present, dir.path());
  for (const char* other : {"window-5.journal", "metrics.csv"})
    checkpoints::test::write_bytes(dir / other, {});
  remove_other_journals(checkpoints::posix_file_system(), dir.path(), 8);
  CHECK(checkpoints::test::names_in(dir.path()).size() == 2);
  CHECK(std::filesystem::exists(dir / "metrics.csv"));
  CHECK(present.open(dir.path())->resume());
  present.config.rule.inner_rate *= 2;
  const auto changed = present.open(dir.path());
  CHECK_FALSE(changed->resume());
  CHECK(changed->passed_over() == "of another plan");
  remove_other_journals(checkpoints::posix_file_system(), dir.path(), 9);
  CHECK(checkpoints::test::names_in(dir.path()) == std::vector<std::string>{"metrics.csv"});
  remove_other_journals(checkpoints::posix_file_system(), dir / "gone", 9);
}

TEST_CASE("all journals of a folder are removed at once, whatever windows they are of, and nothing else is") {
  TemporaryDirectory dir;
  const Window window;
  const WindowJournals journals(checkpoints::posix_file_system(), dir.path(), window.config, {});
  CHECK_FALSE(journals.is_any());
  for (const char* other :
       {"metrics.csv", "window-3.journal.txt", "my.journal", "window-.journal", "window-mine.journal"})
    checkpoints::test::write_bytes(dir / other, {});
  CHECK_FALSE(journals.is_any());
  Window second;
  second.task.id = 12;
  write(window, dir.path());
  write(second, dir.path());
  CHECK(journals.is_any());
  journals.remove_all();
  CHECK_FALSE(journals.is_any());
  CHECK(checkpoints::test::names_in(dir.path()).size() == 5);
  const WindowJournals nowhere(checkpoints::posix_file_system(), dir / "gone", window.config, {});
  CHECK_FALSE(nowhere.is_any());
  nowhere.remove_all();
}
