// Where words go: every command with its stdout or stderr closed, full or gone, run from outside with
// descriptors that a shell made.
#include <nlohmann/json.hpp>

#include "program_fixture.hpp"
#include "tools/commands/commands.hpp"

using namespace program_test;

namespace {

/// A shell that puts a command line in its place, behind these redirections.
std::vector<std::string> redirected(const std::string& redirections, std::vector<std::string> words) {
  words.insert(words.begin(), {"/bin/sh", "-c", "exec \"$@\" " + redirections, "sh"});
  return words;
}

/// Of each command a line that ends with 0 and says something on stdout. %: another in each call.
const std::map<std::string, std::string> kLines = {
    {"train",
     "train --run new% --data squares=data --updates 1 --tasks 1 --in-flight 1 --batch 8 --window-min 1 "
     "--window-max 1 --length-min 1 --length-max 1 --h-size 4 --top-size 4 --delta-size 3 "
     "--grad-channels 2 --representation 8 --hidden-min 1 --hidden-max 1 --width-min 8 --width-max 8 "
     "--classes-max 4 --labels-per-class 4 --validate-every 0"},
    {"resume", "resume copy% --updates 7"},
    {"eval", "eval --theta r --data squares=data --steps 0,1 --seeds 1 --layers 8"},
    {"sweep",
     "sweep --theta r --over depth=1 --data squares=data --out sweep% --layers 8 --seeds 1 --draws 1 "
     "--steps 0"},
    {"apply", "apply --theta r --data squares=data --steps 1 --layers 8 --out features%.h5"},
    {"data", "data squares=data"},
    {"import", "import theta.npz --out imported%.h5"},
    {"export", "export r --out exported%.npz"},
    {"inspect", "inspect r"},
    {"verify", "verify r"},
    {"diff", "diff r r"},
    {"reproduce", "reproduce r"},
    {"plan", "plan --unroll 10 --memory 1GiB --preset demo"},
    {"gradient", "gradient --theta r --inner-rates 1e-3 --lengths 3 --windows 1 --tasks 1"},
    {"report", "report r --out report%.html"},
    {"vectors", "vectors tiny.h5"},
    {"doctor", "doctor"},
};

/// A folder with data, a run `r`, and what else the lines name.
void fill(const Folder& folder) {
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("r", "squares=data"), folder.path).code == 0);
  REQUIRE(run(program({"export", "r", "--out", "theta.npz"}), folder.path).code == 0);
  fs::copy_file(fs::path(METALEARN_GOLDEN) / "tiny.h5", folder / "tiny.h5");
}

std::vector<std::string> line_of(const std::string& command, const Folder& folder) {
  static int number = 0;
  std::string line = kLines.at(command);
  const std::string name = std::to_string(number++);
  if (command == "resume") fs::copy(folder / "r", folder / ("copy" + name), fs::copy_options::recursive);
  if (const auto at = line.find('%'); at != std::string::npos) line.replace(at, 1, name);
  return program(split(line));
}

bool is_training(const std::string& command) { return command == "train" || command == "resume"; }

}  // namespace

TEST_CASE("no command ends because its messages, or its result, can't be written") {
  Folder folder;
  fill(folder);
  for (const auto* command : tools::commands()) {
    const std::string name = command->name;
    CAPTURE(name);
    REQUIRE(kLines.contains(name));
    for (const char* gone : {"2>&-", "2>/dev/full", "2>&- <&-"}) {
      CAPTURE(gone);
      const Result result = run(redirected(gone, line_of(name, folder)), folder.path);
      CHECK(result.code == 0);
      CHECK(result.out.size() > 3);
    }
    for (const char* gone : {">/dev/full", ">&-"}) {
      CAPTURE(gone);
      const Result result = run(redirected(gone, line_of(name, folder)), folder.path);
      CAPTURE(result.err);
      CHECK(result.code == (is_training(name) ? 0 : 74));
      CHECK(contains(result.err, "standard output can't be written") == !is_training(name));
    }
    CHECK(run(redirected(">&- 2>&- <&-", line_of(name, folder)), folder.path).code ==
          (is_training(name) ? 0 : 74));
  }
}

TEST_CASE("errors keep their exit codes where no word can be written") {
  Folder folder;
  IdxImages().write(folder / "data");
  spill(folder / "damaged.h5", "not a snapshot");
  const std::vector<std::pair<std::vector<std::string>, int>> errors = {
      {{"inspect", "damaged.h5"}, 65},
      {{"verify", "damaged.h5"}, 65},
      {{"resume", "nowhere"}, 66},
      {{"plan", "--unroll", "10", "--memory", "1", "--preset", "demo"}, 71},
      {{}, 64},
      {{"no-such-command"}, 64}};
  for (const char* gone : {"2>&-", "2>/dev/full", ">&- 2>&-", ">/dev/full 2>/dev/full"}) {
    CAPTURE(gone);
    for (const auto* command : tools::commands())
      CHECK(run(redirected(gone, program({command->name, "--no-such-option"})), folder.path).code == 64);
    for (const auto& [words, code] : errors)
      CHECK(run(redirected(gone, program(words)), folder.path).code == code);
  }
}

TEST_CASE("what a result is worth stays: files are written where stdout is full") {
  Folder folder;
  fill(folder);
  const auto words = program({"export", "r", "--out", "e.npz"});
  CHECK(run(redirected(">/dev/full", words), folder.path).code == 74);
  CHECK(slurp(folder / "e.npz") == slurp(folder / "theta.npz"));
}

TEST_CASE("a reader that has read enough ends a command quietly") {
  Folder folder;
  const Result result =
      run({"/bin/sh", "-c", "{ sleep 0.2; exec \"$@\" train --help; echo \"code $?\" >&2; } | :", "sh",
           METALEARN_PROGRAM},
          folder.path);
  CHECK(result.err.empty());
  const Result code =
      run({"/bin/sh", "-c", "{ sleep 0.2; \"$@\" train --help; echo \"code $?\" >&2; } | :", "sh",
           METALEARN_PROGRAM},
          folder.path);
  CHECK(code.err == "code 0\n");
}

TEST_CASE("nothing of a run lands where a closed stream was") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(redirected("<&- >&- 2>&-", tiny_training("r", "squares=data")), folder.path).code == 0);
  CHECK(run(program({"verify", "r"}), folder.path).code == 0);
}

TEST_CASE("the end of the terminal saves and stops a run, unless it is to outlive it (nohup)") {
  Folder folder;
  IdxImages().write(folder / "data");
  const auto endless = [&](const std::string& name) {
    return with(tiny_training(name, "squares=data"), "--updates", "1000000");
  };
  const auto wait_for_rows = [&](Child& child, const std::string& name, std::ptrdiff_t more) {
    const auto rows = [&] {
      const std::string csv = slurp(folder / (name + "/metrics.csv"));
      return std::count(csv.begin(), csv.end(), '\n');
    };
    const auto wanted = rows() + more;
    while (child.running() && rows() < wanted) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  };
  {
    Child child(redirected("2>/dev/full", endless("r")), folder.path);
    wait_for_rows(child, "r", 3);
    for (int i = 0; i < 3; ++i) child.kill(SIGHUP);  // the shell's and the kernel's
    const Result result = child.wait();
    CHECK(result.code == 128 + SIGHUP);
    CHECK(contains(result.out, "next: metalearn resume r"));
    CHECK(run(program({"verify", "r"}), folder.path).code == 0);
  }
  std::vector<std::string> ignoring = endless("n");
  ignoring.insert(ignoring.begin(), {"/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh"});
  Child child(ignoring, folder.path);
  wait_for_rows(child, "n", 3);
  child.kill(SIGHUP);
  wait_for_rows(child, "n", 3);
  CHECK(child.running());
  child.kill(SIGTERM);
  CHECK(child.wait().code == 128 + SIGTERM);
}
