// Training within a memory budget: the same bits for every budget, disk and number of threads; and their
// errors.
#include <nlohmann/json.hpp>

#include "program_fixture.hpp"
#include "same_run.hpp"

using namespace program_test;

namespace {

constexpr int kWindow = 24;

/// Full back-propagation through kWindow steps, two windows an update, one architecture.
std::vector<std::string> words(const std::string& run, std::vector<std::string> more = {}) {
  const std::string steps = std::to_string(kWindow);
  auto all = tiny_training(run, "squares=data", {"--length-start", steps});
  for (const char* key : {"--window-min", "--window-max", "--length-min", "--length-max"})
    all = with(all, key, steps);
  all = with(with(all, "--width-min", "16"), "--updates", "3");
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// The smallest budget that works, as the refusal of one byte names it.
std::uint64_t smallest(const Folder& folder) {
  const Result refused = run(words("refused", {"--memory", "1"}), folder.path);
  REQUIRE(refused.code == 71);
  CHECK(!fs::exists(folder / "refused"));
  const std::string before = "the smallest budget that works is ";
  const auto at = refused.err.find(before);
  REQUIRE(at != std::string::npos);
  return std::stoull(refused.err.substr(at + before.size()));
}

constexpr std::uint64_t kSome = 200'000;  // bytes: some states

}  // namespace

TEST_CASE(
    "a training has the same bits and rows within every memory budget, with a disk, and on any number of "
    "threads; what the budget leads to is printed") {
  Folder folder;
  IdxImages().write(folder / "data");
  fs::create_directory(folder / "disk");
  REQUIRE(run(words("free"), folder.path).code == 0);
  const auto bits = arrays(folder / "free");
  const auto rows = metrics(folder / "free");
  const std::uint64_t least = smallest(folder);
  int trained = 0;
  const auto check = [&](const std::vector<std::string>& more, const char* printed) {
    const std::string name = "r" + std::to_string(trained++);
    const Result result = run(words(name, more), folder.path);
    CAPTURE(result.err);
    CAPTURE(result.out);
    REQUIRE(result.code == 0);
    const bool is_left_alone =
        std::count(more.begin(), more.end(), "--disk") > 0 &&
        contains(result.out, "is not used: it is slower than the steps");  // of some microseconds
    if (!is_left_alone) CHECK(contains(result.out, printed));
    CHECK(arrays(folder / name) == bits);
    CHECK(metrics(folder / name) == rows);
    CHECK(fs::is_empty(folder / "disk"));
  };
  const auto text = [](std::uint64_t bytes) { return std::to_string(bytes); };
  const auto one = [](std::vector<std::string> more) {
    return more.insert(more.end(), {"--threads", "1"}), more;
  };
  check(one({"--memory", text(least)}),
        "1 of 2 windows at a time; the longest, 24 steps, by revolve: 1 states in memory");
  check(one({"--memory", text(least + kSome)}), "1 of 2 windows at a time");
  check(one({"--memory", text(least + kSome), "--disk", "1MiB", "--disk-dir", "disk"}), "on disk");
  CHECK(contains(run(program({"resume", "r2", "--updates", "4"}), folder.path).out,
                 "waited for states on disk: "));
  check({"--memory", "1GiB", "--threads", "2"},
        "2 of 2 windows at a time; the longest, 24 steps, by store_all: 0 states in memory, 23 tapes");
  check({"--memory", text(least + kSome), "--threads", "2"}, "1 of 2 windows at a time");
  CHECK(run(words("less", {"--memory", text(least - 1)}), folder.path).code == 71);
}

TEST_CASE(
    "a run goes on with another budget, or none, with the bits of one that had none; diff and verify say so, "
    "and reproduce needs no disk") {
  Folder folder;
  IdxImages().write(folder / "data");
  fs::create_directory(folder / "disk");
  const std::uint64_t least = smallest(folder);
  REQUIRE(run(with(words("whole"), "--updates", "6"), folder.path).code == 0);
  REQUIRE(run(words("parts", {"--memory", std::to_string(least + kSome), "--disk", "1MiB", "--disk-dir",
                              "disk", "--keep-every", "1"}),
              folder.path)
              .code == 0);
  CHECK(nlohmann::json::parse(slurp(folder / "parts/config.json"))["disk-dir"] ==
        fs::canonical(folder / "disk").string());
  fs::remove_all(folder / "disk");
  const Result reproduced = run(program({"reproduce", "parts"}), folder.path);
  CAPTURE(reproduced.err);
  CHECK(reproduced.code == 0);
  const Result gone = run(program({"resume", "parts", "--updates", "4"}), folder.path);
  CHECK(gone.code == 74);
  CHECK(contains(gone.err, "disk: checkpoints can't be kept there: open: No such file or directory"));
  CHECK(run(program({"resume", "parts", "--updates", "4", "--memory", "1"}), folder.path).code == 71);
  REQUIRE(
      run(program({"resume", "parts", "--updates", "5", "--disk", "0", "--memory", std::to_string(least)}),
          folder.path)
          .code == 0);
  REQUIRE(run(program({"resume", "parts", "--updates", "6", "--memory", "0"}), folder.path).code == 0);
  CHECK(arrays(folder / "parts") == arrays(folder / "whole"));
  CHECK(metrics(folder / "parts") == metrics(folder / "whole"));
  CHECK(run(program({"verify", "parts"}), folder.path).code == 0);
  CHECK(run(program({"diff", "parts", "whole"}), folder.path).code == 0);
}

TEST_CASE(
    "the norms of every inner step are rows of steps.csv, the same for every budget and after a kill; a run "
    "without them may have them later on") {
  Folder folder;
  IdxImages().write(folder / "data");
  const std::uint64_t least = smallest(folder);
  const auto telling = [&](const std::string& name) {
    return with(with(words(name, {"--telemetry", "true"}), "--updates", "40"), "--save-every", "3");
  };
  REQUIRE(run(telling("whole"), folder.path).code == 0);
  const std::string rows = slurp(folder / "whole/steps.csv");
  CHECK(rows.rfind("update,task,step,adjoint_norm,contribution_norm\n", 0) == 0);
  CHECK(std::count(rows.begin(), rows.end(), '\n') == 1 + 40 * 2 * kWindow);
  {
    auto budget = telling("killed");
    budget.insert(budget.end(), {"--memory", std::to_string(least + kSome)});
    Child child(budget, folder.path);
    while (child.running() && snapshots(folder / "killed").size() < 3)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    child.kill(SIGKILL);
    CHECK(child.wait().code == 128 + SIGKILL);
  }
  REQUIRE(run(program({"resume", "killed"}), folder.path).code == 0);
  CHECK(slurp(folder / "killed/steps.csv") == rows);
  const Result verified = run(program({"verify", "killed"}), folder.path);
  CHECK(verified.code == 0);
  CHECK(contains(verified.out, "steps.csv"));

  REQUIRE(run(with(words("later"), "--updates", "38"), folder.path).code == 0);
  CHECK(!fs::exists(folder / "later/steps.csv"));
  REQUIRE(run(program({"resume", "later", "--updates", "40", "--telemetry", "true"}), folder.path).code == 0);
  const std::string last = slurp(folder / "later/steps.csv");
  CHECK(rows.ends_with(last.substr(last.find('\n') + 1)));
  CHECK(std::count(last.begin(), last.end(), '\n') == 1 + 2 * 2 * kWindow);
  spill(folder / "whole/steps.csv", "mine\n" + rows);
  CHECK(run(program({"verify", "whole"}), folder.path).code == 65);
}

TEST_CASE(
    "a folder for states that vanishes while a run trains ends it with exit code 74; the last snapshot is "
    "good, and the run goes on elsewhere") {
  Folder folder;
  IdxImages().write(folder / "data");
  const std::uint64_t least = smallest(folder);
  const auto all =
      with(words("r", {"--memory", std::to_string(least + kSome), "--disk", "1MiB", "--disk-dir", "disk"}),
           "--save-every", "1");
  Result result;
  for (int attempt = 0; attempt < 5; ++attempt) {  // on a busy machine the disk may be measured as slower
                                                   // than the steps; then it is not used
    fs::remove_all(folder / "r");
    fs::create_directory(folder / "disk");
    Child child(with(all, "--updates", "500"), folder.path);
    while (child.running() && snapshots(folder / "r").size() < 3)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (contains(child.out(), "is not used: it is slower")) continue;
    fs::remove_all(folder / "disk");
    result = child.wait();
    break;
  }
  CAPTURE(result.err);
  CHECK(result.code == 74);
  CHECK(contains(result.err, "disk: checkpoints can't be kept there"));
  CHECK(run(program({"verify", "r"}), folder.path).code == 0);
  const auto done = checkpoints::load_snapshot(snapshots(folder / "r").back().string())
                        .attribute<std::int64_t>("counters", "update");
  CHECK(run(program({"resume", "r", "--updates", std::to_string(done + 1), "--disk-dir", "."}), folder.path)
            .code == 0);
}

TEST_CASE("budgets, disks and windows that can't be meant are refused in words, before anything is made") {
  Folder folder;
  IdxImages().write(folder / "data");
  const auto refused = [&](const std::vector<std::string>& more, int code, const char* why) {
    const Result result = run(words("r", more), folder.path);
    CAPTURE(result.err);
    CHECK(result.code == code);
    CHECK(contains(result.err, why));
    CHECK(!fs::exists(folder / "r"));
  };
  refused({"--memory", "lots"}, 64, "is not an amount of memory");
  refused({"--memory", "-1"}, 64, "is not an amount of memory");
  refused({"--memory", "1GiB", "--disk", "1GiB"}, 64, "disk and disk-dir must be given together");
  refused({"--memory", "1GiB", "--disk-dir", "."}, 64, "disk and disk-dir must be given together");
  refused({"--disk", "1GiB", "--disk-dir", "."}, 64, "give a memory budget too");
  const auto unroll = [&](const char* steps) {
    return run(program({"train", "--run", "r", "--data", "squares=data", "--unroll", steps}), folder.path);
  };
  CHECK(unroll("0").code == 64);
  CHECK(contains(unroll("0").err, "allowed: 1 .. 100000"));
  const Result longer = run(
      program({"train", "--run", "r", "--data", "squares=data", "--window-min", "30", "--length-max", "20"}),
      folder.path);
  CHECK(longer.code == 64);
  CHECK(contains(longer.err, "window-min = 30 is larger than length-max = 20"));
  const Result partly = run(program({"train", "--run", "r", "--data", "squares=data", "--window-min", "5",
                                     "--window-max", "500", "--length-max", "20"}),
                            folder.path);
  CHECK(partly.code == 64);
  CHECK(contains(partly.err,
                 "window-max = 500 is larger than length-max = 20; raise length-max or lower window-max"));
  CHECK(!fs::exists(folder / "r"));
}

#ifndef METALEARN_SANITIZED  // whose own memory would be measured
namespace {

/// Peak resident memory of windows of so many steps on glyphs, in bytes, in addition to the budget of `mib`
/// MiB.
double beside_the_budget(const Folder& folder, int steps, int mib, const std::vector<std::string>& more,
                         const std::string& preset = "small") {
  const std::string name = preset + std::to_string(steps) + "-" + std::to_string(mib);
  std::vector<std::string> words{"train",
                                 "--run",
                                 name,
                                 "--preset",
                                 preset,
                                 "--data",
                                 "glyph",
                                 "--unroll",
                                 std::to_string(steps),
                                 "--memory",
                                 std::to_string(mib) + "MiB",
                                 "--threads",
                                 "1"};
  words.insert(words.end(), more.begin(), more.end());
  const Result result = run(program(words), folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  return static_cast<double>(result.peak_kib) * 1024 - mib * 1048576.0;
}

const std::vector<std::string> kOneWindow{"--updates",   "1", "--tasks",          "1",
                                          "--in-flight", "1", "--validate-every", "0"};

}  // namespace

TEST_CASE("what a training takes beside its memory budget is at most 40 MB with glyphs") {
  Folder folder;
  CHECK(beside_the_budget(folder, 10, 13, kOneWindow) <= 40e6);
  CHECK(beside_the_budget(folder, 100, 20, kOneWindow) <= 40e6);
  CHECK(beside_the_budget(folder, 12, 18,
                          {"--updates", "3", "--validate-every", "2", "--validate-tasks", "2"}) <=
        40e6);  // four windows an update, and meta-validation
  CHECK(beside_the_budget(folder, 8, 40, {"--updates", "6", "--validate-every", "0"}, "demo") <=
        40e6);  // of many shapes
}

TEST_SUITE("slow") {
  TEST_CASE(
      "what a training takes beside its memory budget is at most 40 MB with glyphs, for 1000 and 10,000 "
      "steps too, and of several shapes") {
    Folder folder;
    const auto check = [&](int steps, int mib, const std::vector<std::string>& more,
                           const std::string& preset) {
      const double bytes = beside_the_budget(folder, steps, mib, more, preset);
      MESSAGE(preset << ", " << steps << " steps: " << bytes / 1e6 << " MB beside " << mib << " MiB");
      CHECK(bytes <= 40e6);
    };
    check(1000, 64, kOneWindow, "small");
    check(10'000, 64, kOneWindow, "small");
    check(500, 40, {"--updates", "3", "--tasks", "1", "--in-flight", "3", "--validate-every", "0"}, "demo");
  }
}
#endif
