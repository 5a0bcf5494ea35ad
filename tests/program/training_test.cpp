// Training as a user sees it: runs end, stop, continue, and give the same bits however they were run.
#include "checkpoints/snapshot_file.hpp"
#include "program_fixture.hpp"
#include "same_run.hpp"

using namespace program_test;

TEST_CASE("a run ends with its snapshot and says where it is and what comes next") {
  Folder folder;
  IdxImages().write(folder / "data");
  const Result result = run(tiny_training("runs/a", "squares=data"), folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(contains(result.out, "finished after 6 of 6 updates"));
  CHECK(contains(result.out, "next: metalearn eval --theta runs/a"));
  const auto found = snapshots(folder / "runs/a");
  REQUIRE(!found.empty());
  CHECK(contains(result.out, fs::relative(found.back(), folder.path).string()));
  CHECK(contains(result.err, "update 6/6"));
  CHECK(!contains(result.err, "\r"));  // no terminal, no live line
  const std::string csv = slurp(folder / "runs/a/metrics.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 7);

  SUBCASE("starting again in the same directory is refused with the command that continues it") {
    const auto before = arrays(folder / "runs/a");
    const Result again = run(tiny_training("runs/a", "squares=data"), folder.path);
    CHECK(again.code == 64);
    CHECK(contains(again.err, "metalearn resume runs/a"));
    CHECK(before == arrays(folder / "runs/a"));
  }
  SUBCASE("resuming a finished run does nothing and says so") {
    const Result again = run(program({"resume", "runs/a"}), folder.path);
    CHECK(again.code == 0);
    CHECK(contains(again.out, "finished already"));
    const Result less = run(program({"resume", "runs/a", "--updates", "3"}), folder.path);
    CHECK(less.code == 0);
    CHECK(contains(less.out, "6 updates are done, 3 were requested"));
    CHECK(contains(less.out, "N above 6"));
  }
  SUBCASE("inspect shows configuration, provenance and theta") {
    for (const std::string& what : std::vector<std::string>{"runs/a", found.back().string()}) {
      const Result shown = run(program({"inspect", what}), folder.path);
      CHECK(shown.code == 0);
      for (const char* part : {"theta/top_delta/conv0/w", "inner-rate", "squares", "2-norm"})
        CHECK(contains(shown.out, part));
    }
  }
}

TEST_CASE(
    "a run that was stopped and resumed, from another folder and on other threads, gives the same bits as "
    "one that was not") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("whole", "squares=data", {"--threads", "1"}), folder.path).code == 0);
  REQUIRE(run(with(tiny_training("parts", "squares=data", {"--threads", "2"}), "--updates", "3"), folder.path)
              .code == 0);
  fs::create_directories(folder / "elsewhere");
  const Result resumed = run(program({"resume", "../parts", "--updates", "6"}), folder / "elsewhere");
  CAPTURE(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(arrays(folder / "whole") == arrays(folder / "parts"));
  CHECK(metrics(folder / "whole") == metrics(folder / "parts"));
}

TEST_CASE("a run stopped on one thread resumes with the same bits on two, three and four") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("whole", "squares=data", {"--threads", "1"}), folder.path).code == 0);
  REQUIRE(
      run(with(tiny_training("stopped", "squares=data", {"--threads", "1"}), "--updates", "2"), folder.path)
          .code == 0);
  for (const char* threads : {"2", "3", "4"}) {
    fs::copy(folder / "stopped", folder / threads, fs::copy_options::recursive);
    REQUIRE(run(program({"resume", threads, "--updates", "6", "--threads", threads}), folder.path).code == 0);
    CHECK(arrays(folder / "whole") == arrays(folder / threads));
    CHECK(metrics(folder / "whole") == metrics(folder / threads));
  }
}

TEST_CASE("another seed gives another theta") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("a", "squares=data"), folder.path).code == 0);
  REQUIRE(run(tiny_training("b", "squares=data", {"--seed", "1"}), folder.path).code == 0);
  CHECK(arrays(folder / "a") != arrays(folder / "b"));
}

TEST_CASE("a run that diverges ends with exit code 2, what it was, and snapshots that are whole") {
  Folder folder;
  auto words = program(
      {"train", "--run",        "r",   "--preset",         "demo", "--data",           "glyph", "--updates",
       "200",   "--inner-rate", "1",   "--meta-rate",      "1",    "--merge-rate",     "1000",  "--clip",
       "1e9",   "--clip-task",  "1e9", "--validate-tasks", "2",    "--validate-steps", "0,25",  "--tasks",
       "2",     "--in-flight",  "2",   "--length-max",     "16",   "--validate-every", "0",     "--batch",
       "10",    "--width-max",  "24",  "--hidden-max",     "2"});
  const Result result = run(with(words, "--validate-every", "2"), folder.path);
  CAPTURE(result.err);
  CHECK(result.code == 2);
  for (const char* part :
       {"r: training diverged: theta never made better representations than random initialisation",
        ", of task ", " (glyph) at step ", "start a new run with a smaller meta-rate"})
    CHECK(contains(result.err, part));
  CHECK(contains(slurp(folder / "r/log.csv"), "training diverged"));
  CHECK(run(program({"verify", "r"}), folder.path).code == 0);
  const Result unjudged =
      run(with(with(with(with(words, "--run", "u"), "--updates", "55"), "--tasks", "9"), "--in-flight", "9"),
          folder.path);
  CAPTURE(unjudged.err);
  CHECK(unjudged.code == 0);
  CHECK(contains(unjudged.out + unjudged.err,
                 "the training may have diverged: the mean objective of the windows rose from "));
}

TEST_CASE(
    "the paper's tasks train, cut down: the run begins, updates, validates, saves; it says what data is "
    "missing") {
  Folder folder;
  const Result result = run(program({"train",       "--run",
                                     "r",           "--preset",
                                     "paper-tasks", "--updates",
                                     "1",           "--tasks",
                                     "2",           "--in-flight",
                                     "2",           "--batch",
                                     "8",           "--width-max",
                                     "64",          "--hidden-max",
                                     "2",           "--h-size",
                                     "4",           "--top-size",
                                     "4",           "--delta-size",
                                     "3",           "--window-max",
                                     "5",           "--length-max",
                                     "20",          "--validate-every",
                                     "1",           "--validate-tasks",
                                     "1",           "--validate-steps",
                                     "0,1"}),
                            folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(contains(result.err, "note: trains only on glyphs"));
  const std::string rows = slurp(folder / "r/metrics.csv");
  CHECK(contains(rows, "validation_accuracy.1"));
  CHECK(contains(rows, "\n1,"));
  CHECK(run(program({"verify", "r"}), folder.path).code == 0);
}

TEST_CASE("a run that gets a signal saves, says so by its exit code, and can be resumed") {
  for (const int signal : {SIGINT, SIGTERM}) {
    Folder folder;
    IdxImages().write(folder / "data");
    Child child(with(tiny_training("r", "squares=data"), "--updates", "1000000"), folder.path);
    const auto rows = [&] {
      const std::string csv = slurp(folder / "r/metrics.csv");
      return std::count(csv.begin(), csv.end(), '\n');
    };
    while (child.running() && rows() < 3) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    child.kill(signal);
    const Result result = child.wait();
    CAPTURE(result.err);
    CHECK(result.code == 128 + signal);
    CHECK(contains(result.out, "next: metalearn resume r"));
    const auto csv = slurp(folder / "r/metrics.csv");
    const auto done = checkpoints::load_snapshot(snapshots(folder / "r").back().string())
                          .attribute<std::int64_t>("counters", "update");
    CHECK(std::count(csv.begin(), csv.end(), '\n') == done + 1);
    CHECK(run(program({"resume", "r", "--updates", std::to_string(done + 1)}), folder.path).code == 0);
  }
}

TEST_CASE(
    "a signal in the middle of a long validation, of a long window or of a long preparation is answered "
    "within seconds") {
  using Clock = std::chrono::steady_clock;
  const auto stop = [](Child& child, const std::string& when) {
    while (child.running() && !contains(child.err(), when))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    child.kill(SIGTERM);
    const auto sent = Clock::now();
    const Result result = child.wait();
    CHECK(result.code == 128 + SIGTERM);
    CHECK(Clock::now() - sent < std::chrono::seconds(5));
    return result;
  };
  Folder folder;
  IdxImages().write(folder / "data");
  auto validating =
      tiny_training("r", "squares=data", {"--validate-steps", "0,100000", "--validate-tasks", "4"});
  Child validates(with(validating, "--validate-every", "1"), folder.path);
  CHECK(contains(stop(validates, "update 0/").out, "stopped after 0 of 6 updates"));
  REQUIRE(run(program({"inspect", "r"}), folder.path).code == 0);

  auto window = tiny_training("w", "squares=data", {"--unroll", "100000"});
  for (const char* option : {"--window-min", "--window-max", "--length-min", "--length-max"}) {
    const auto at = std::find(window.begin(), window.end(), option);
    window.erase(at, at + 2);
  }
  Child runs(window, folder.path);
  CHECK(contains(stop(runs, "update 0/").out, "stopped after 0 of 6 updates"));
  CHECK((fs::exists(folder / "w/window-0.journal") ||
         fs::exists(folder / "w/window-1.journal")));  // though none was due yet
  REQUIRE(run(program({"verify", "w"}), folder.path).code == 0);

  auto words = tiny_training("p", "squares=data", {"--length-start", "100000"});
  Child prepares(with(with(words, "--length-max", "100000"), "--length-min", "100000"), folder.path);
  stop(prepares, "preparing");
  CHECK(!fs::exists(folder / "p"));
}

TEST_CASE("a second signal ends the program at once, and the run is as it was saved") {
  Folder folder;
  IdxImages().write(folder / "data");
  auto words = tiny_training("r", "squares=data", {"--length-start", "100000"});
  for (const char* option : {"--window-min", "--window-max", "--length-min", "--length-max"})
    words = with(words, option, "100000");
  Child child(words, folder.path);
  while (child.running() && !contains(child.err(), "update 0/"))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  REQUIRE(child.running());  // in the middle of a window
  for (const int signal : {SIGSTOP, SIGINT, SIGTERM, SIGCONT})
    child.kill(signal);  // so that the second one comes before the first one is handled
  const Result result = child.wait();
  CHECK((result.code == 128 + SIGINT || result.code == 128 + SIGTERM));
  CHECK(!contains(result.out, "stopped"));
  CHECK(run(program({"inspect", "r"}), folder.path).code == 0);
}

TEST_CASE("a second process is kept out of a run directory") {
  Folder folder;
  IdxImages().write(folder / "data");
  Child child(with(tiny_training("r", "squares=data"), "--updates", "1000000"), folder.path);
  while (child.running() && snapshots(folder / "r").empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const Result second = run(program({"resume", "r"}), folder.path);
  CHECK(second.code == 75);
  child.kill(SIGTERM);
  CHECK(child.wait().code == 128 + SIGTERM);
}

TEST_CASE("a run that is killed and resumed gives the same bits as one that was not") {
  Folder folder;
  IdxImages().write(folder / "data");
  const auto words = [](const char* name) {
    return with(with(tiny_training(name, "squares=data"), "--updates", "200"), "--save-every", "4");
  };
  REQUIRE(run(words("whole"), folder.path).code == 0);
  {
    Child child(words("killed"), folder.path);
    while (child.running() && snapshots(folder / "killed").size() < 3)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    child.kill(SIGKILL);
    CHECK(child.wait().code == 128 + SIGKILL);
  }
  REQUIRE(checkpoints::load_snapshot(snapshots(folder / "killed").back().string())
              .attribute<std::int64_t>("counters", "update") < 200);
  const Result resumed = run(program({"resume", "killed"}), folder.path);
  CAPTURE(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(arrays(folder / "whole") == arrays(folder / "killed"));
  CHECK(metrics(folder / "whole") == metrics(folder / "killed"));
}

TEST_CASE("a signal during the preparation stops it, and nothing is left behind") {
  for (const int signal : {SIGINT, SIGTERM}) {
    Folder folder;
    IdxImages().write(folder / "data");
    auto words = tiny_training("r", "squares=data", {"--length-start", "20000"});
    words = with(with(with(words, "--in-flight", "2000"), "--length-max", "20000"), "--length-min", "10000");
    Child child(words, folder.path);
    while (child.running() && !contains(child.err(), "preparing"))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    child.kill(signal);
    const Result result = child.wait();
    CAPTURE(result.err);
    CHECK(result.code == 128 + signal);
    CHECK(contains(result.out, "nothing was saved"));
    CHECK(!fs::exists(folder / "r"));
  }
}

TEST_CASE("after a fallback from a damaged snapshot a stop says what it saved") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(with(tiny_training("r", "squares=data"), "--save-every", "2"), folder.path).code == 0);
  damage(snapshots(folder / "r").back());
  Child child(program({"resume", "r", "--updates", "1000000"}), folder.path);
  const auto rows = [&] {
    const std::string csv = slurp(folder / "r/metrics.csv");
    return std::count(csv.begin(), csv.end(), '\n');
  };
  while (child.running() && rows() < 9) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  child.kill(SIGTERM);
  const Result result = child.wait();
  CAPTURE(result.err);
  CHECK(result.code == 128 + SIGTERM);
  CHECK(contains(result.err, "snapshot-00000004.h5 instead"));
  const auto at = result.out.find("newest snapshot: ");
  REQUIRE(at != std::string::npos);
  const std::string saved = result.out.substr(at + 17, result.out.find('\n', at) - at - 17);
  CHECK(checkpoints::load_snapshot((folder / saved).string()).attribute<std::int64_t>("counters", "update") >=
        8);
}

TEST_CASE("a run whose data is gone is not resumed") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("r", "squares=data"), folder.path).code == 0);
  fs::remove_all(folder / "data");
  const Result result = run(program({"resume", "r", "--updates", "7"}), folder.path);
  CHECK(result.code == 66);
  CHECK(contains(result.err, (folder / "data").string()));
}

TEST_CASE(
    "a run whose data was moved goes on, and is reproduced, where that is said; other data is refused") {
  Folder folder;
  IdxImages().write(folder / "data");
  IdxImages{.noise = 5}.write(folder / "other");
  REQUIRE(run(tiny_training("whole", "squares=data"), folder.path).code == 0);
  REQUIRE(run(with(tiny_training("r", "squares=data"), "--updates", "3"), folder.path).code == 0);
  fs::rename(folder / "data", folder / "moved");
  const auto resume = [&](const char* word) {
    return run(program({"resume", "r", "--updates", "6", "--data", word}), folder.path);
  };
  const Result other = resume("squares=other"), unknown = resume("circles=moved"),
               resumed = resume("squares=moved");
  CHECK(other.code == 65);
  CHECK(contains(other.err, "the data has changed since the run began"));
  CHECK(unknown.code == 64);
  CHECK(contains(unknown.err, "the run has no data set of that name (it has squares="));
  CAPTURE(resumed.err);
  CHECK(resumed.code == 0);
  CHECK(arrays(folder / "whole") == arrays(folder / "r"));
  CHECK(run(program({"diff", "whole", "r"}), folder.path).code == 0);  // where it lies is no difference
  CHECK(run(program({"verify", "r"}), folder.path).code == 0);

  fs::rename(folder / "moved", folder / "again");
  CHECK(run(program({"reproduce", "r"}), folder.path).code == 66);
  const Result reproduced = run(program({"reproduce", "r", "--data", "squares=again"}), folder.path);
  CAPTURE(reproduced.err);
  CHECK(reproduced.code == 0);
}

TEST_CASE("on a terminal the live line is redrawn by the clock, also where an update takes long") {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0) {
    MESSAGE("skipped: no pseudo-terminals here (a bare chroot)");
    return;
  }
  close(terminal);
  Folder folder;
  IdxImages().write(folder / "data");
  auto words = tiny_training("r", "squares=data", {"--length-start", "100000"});
  for (const char* option : {"--window-min", "--window-max", "--length-min", "--length-max"})
    words = with(words, option, "100000");
  std::string line;
  for (const auto& word : words) line += "'" + word + "' ";
  Child child({"script", "-qec", line, "/dev/null"}, folder.path, {{"TERM", "xterm"}});
  const auto redrawn = [&] {
    int times = 0;
    const std::string out = child.out();
    for (std::size_t at = 0; (at = out.find("\r", at)) != std::string::npos &&
                             (at = out.find("\x1b[K", at)) != std::string::npos;)
      ++times;
    return times;
  };
  while (child.running() && redrawn() < 3) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(redrawn() >= 3);
  CHECK(!contains(child.out(), "update 1/"));
  child.kill(SIGTERM);
  child.wait();
}
