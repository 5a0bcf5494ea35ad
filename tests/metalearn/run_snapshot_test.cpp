// A run's snapshot is read strictly: what the schema does not know is refused by its name.
#include "metalearn/snapshots/run_snapshot.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "autodiff/kernels/kernels.hpp"
#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "metalearn/snapshots/run_state.hpp"
#include "toy_snapshot.hpp"

using namespace outer_test;

namespace {

/// The message with which an archive is refused.
std::string refusal(const checkpoints::Archive& archive, const Config& config) {
  try {
    require_known_names(archive, config);
    return "accepted";
  } catch (const checkpoints::BadData& e) {
    return e.what();
  }
}

}  // namespace

TEST_CASE("what a run writes has no name that the schema does not know") {
  const Config c = tiny_config();
  CHECK(refusal(toy_snapshot(c), c) == "accepted");
}

TEST_CASE("an unknown array or attribute, or one of another type, is refused by its name") {
  const Config c = tiny_config();
  const auto refused = [&](auto change, const std::string& name) {
    auto archive = toy_snapshot(c);
    change(archive);
    CAPTURE(name);
    CHECK(refusal(archive, c).find(name) != std::string::npos);
  };
  const std::string w = theta_spec(c.rule).tensors[0].name;
  refused([](auto& a) { a.put("theta/extra/w", {1}, std::vector<float>{1}); },
          "unknown array /theta/extra/w");
  refused([](auto& a) { a.put("in_flight/0007/phi", {1}, std::vector<float>{1}); },
          "unknown array /in_flight/0007/phi");
  refused([](auto& a) { a.put("other", {1}, std::vector<float>{1}); }, "unknown array /other");
  refused([&](auto& a) { a.put("theta/" + w, {1}, std::vector<double>{1}); },
          "/theta/" + w + " holds float64 (float32 expected)");
  refused([](auto& a) { a.set("", "author", std::string("me")); }, "unknown attribute /:author");
  refused([](auto& a) { a.set("counters", "extra", std::int64_t{1}); }, "unknown attribute /counters:extra");
  refused([](auto& a) { a.set("counters", "update", 1.5); }, "/counters:update has the wrong type");
  refused([](auto& a) { a.set("config", "batch", std::int64_t{8}); }, "/config:batch is not a text");
  refused([&](auto& a) { a.set("theta/" + w, "unit", std::string("m")); },
          "unknown attribute /theta/" + w + ":unit");
  refused([](auto& a) { a.set("data", "list", std::vector<double>{1, 2}); }, "/data:list");
}

TEST_CASE("facts about the data may be any texts") {
  const Config c = tiny_config();
  auto archive = toy_snapshot(c);
  archive.set("data", "note", std::string("made by hand, \xc3\xa9t\xc3\xa9"));
  CHECK(refusal(archive, c) == "accepted");
}

TEST_CASE("counters that no run can come to are refused") {
  const Config c = tiny_config();
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::int64_t>>{{"update", -1},
                                                         {"update", 100000000},
                                                         {"adam_steps", -1},
                                                         {"adam_steps", 13},
                                                         {"consecutive_failures", 13},
                                                         {"next_task", -1}}) {
    CAPTURE(name);
    auto archive = toy_snapshot(c);
    archive.set("counters", name, value);
    const TrainerParts parts = toy_parts()(c);
    InFlightPool pool(c, parts.make_task);
    CHECK_THROWS_AS((state_from(archive, c), restore_pool(archive, pool)), checkpoints::BadData);
  }
  auto early = toy_snapshot(c);
  early.set("counters", "update", std::int64_t{9});  // validated at 10
  CHECK_THROWS_AS(state_from(early, c), checkpoints::BadData);
}

TEST_CASE("a configuration that contradicts itself is a bad snapshot, not a user's mistake") {
  const Config c = tiny_config();
  auto archive = toy_snapshot(c);
  archive.set("config", "in-flight", std::string("1"));
  CHECK_THROWS_AS(config_from(archive), checkpoints::BadData);
  archive.set("config", "in-flight", std::string("7"));
  archive.set("config", "colour", std::string("red"));
  CHECK_THROWS_AS(config_from(archive), checkpoints::BadData);
}

TEST_CASE(
    "kernels that give other bits than a snapshot's are noted, with the level to force; those that give the "
    "same are not") {
  const Config c = tiny_config();
  auto archive = toy_snapshot(c);
  CHECK(kernels_note(archive).empty());
  const bool fused =
      autodiff::kernels::active<float>().isa[0] == 'v' && autodiff::kernels::active<float>().isa[1] >= '3';
  for (const char* level : {"v3", "v4"}) {
    archive.set("", "kernels", std::string(level));
    CHECK(kernels_note(archive).empty() == fused);
  }
  if (!fused) return;
  archive.set("", "kernels", std::string("scalar"));
  CHECK(kernels_note(archive).find("METALEARN_ISA=scalar gives the same bits") != std::string::npos);
  archive.set("", "kernels", std::string("v9"));
  CHECK(kernels_note(archive).find("unavailable on this machine") != std::string::npos);
}

TEST_CASE("a run that goes on with kernels of other bits says so in its first progress report") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 4;
  start_with(c, folder / "run", toy_parts())->run([](const Progress&) { return true; });
  const std::string path = checkpoints::snapshot_path(folder / "run", 4);
  auto archive = load_run_snapshot(path);
  archive.set("", "kernels", std::string("v9"));
  checkpoints::save_snapshot(path, archive);
  std::vector<Event> events;
  resume_with(folder / "run", {{"updates", "5"}}, toy_parts())->run([&](const Progress& p) {
    events = p.events;
    return true;
  });
  CHECK(std::any_of(events.begin(), events.end(), [](const Event& e) {
    return e.kind == EventKind::kernels && e.text.find("from here on the bits differ") != std::string::npos;
  }));
}

TEST_CASE("the newest snapshot of a run that saves and removes meanwhile is found") {
  Folder folder;
  const Config c = tiny_config();
  auto run = checkpoints::RunDirectory::create(folder / "run");
  auto archive = toy_snapshot(c);
  const auto save = [&](std::int64_t update) {
    archive.set("counters", "update", update);
    run.save(update, archive, {1});
  };
  save(1);
  std::jthread saver([&](std::stop_token stop) {
    for (std::int64_t update = 2; !stop.stop_requested(); ++update) save(update);
  });
  std::int64_t last = 1;
  for (int i = 0; i < 20; ++i) {
    std::vector<std::string> notes;
    const auto found = newest_run_snapshot(folder / "run", &notes);
    CHECK(notes.empty());
    CHECK(found.generation >= last);
    last = found.generation;
  }
}

TEST_CASE("a snapshot under another generation's name is refused, not trained on") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 4;
  start_with(c, folder / "run", toy_parts())->run([](const Progress&) { return true; });
  std::filesystem::copy(checkpoints::snapshot_path(folder / "run", 4),
                        checkpoints::snapshot_path(folder / "run", 9));
  CHECK_THROWS_AS(newest_run_snapshot(folder / "run"), checkpoints::BadData);
  CHECK_THROWS_WITH_AS(
      resume_with(folder / "run", {{"updates", "12"}}, toy_parts()),
      (checkpoints::snapshot_path(folder / "run", 9) +
       ": holds generation 4, which does not match its name; move it away, or rename it to its generation")
          .c_str(),
      checkpoints::BadData);
}
