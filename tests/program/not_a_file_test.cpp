// A pipe, a device, a folder or a link where a file is wanted: answered at once, and never followed within a
// run.
#include <sys/stat.h>

#include "program_fixture.hpp"

using namespace program_test;

namespace {

void make_pipe(const fs::path& path) {
  fs::remove_all(path);
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
}

/// The code of a command line; -1 where it had to be killed, as it waits for the other side of a pipe.
Result answered(const Folder& folder, const std::vector<std::string>& words) {
  Child child(words, folder.path);
  for (int i = 0; i < 1000 && child.running(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const bool waits = child.running();
  if (waits) child.kill(SIGKILL);
  Result result = child.wait();
  if (waits) result.code = -1;
  return result;
}

void train(const Folder& folder) {
  IdxImages().write(folder / "data");
  REQUIRE(run(with(tiny_training("r", "squares=data"), "--save-every", "2"), folder.path).code == 0);
  REQUIRE(snapshots(folder / "r").size() > 1);
}

}  // namespace

TEST_CASE("a pipe or a device in place of a file that a user names is refused at once") {
  Folder folder;
  train(folder);
  make_pipe(folder / "pipe");
  make_pipe(folder / "pipe.csv");
  make_pipe(folder / "pipe.npz");
  make_pipe(folder / "pipe.h5");
  fs::create_directories(folder / "idx");
  IdxImages().write(folder / "idx");
  make_pipe(folder / "idx/train-images-idx3-ubyte");
  fs::create_directories(folder / "npy");
  make_pipe(folder / "npy/features.npy");
  make_pipe(folder / "npy/labels.npy");
  fs::create_directories(folder / "cifar");
  make_pipe(folder / "cifar/test_batch.bin");
  make_pipe(folder / "cifar/batches.meta.txt");
  fs::create_symlink("loop", folder / "loop");

  for (const char* config : {"pipe", "/dev/zero", "/dev/stdin", "r", "loop"})
    CHECK(answered(folder, program({"train", "--run", "new", "--config", config})).code == 66);
  for (const char* file : {"pipe", "pipe.h5", "/dev/zero", "loop"}) {
    CAPTURE(file);
    for (const char* command : {"inspect", "verify"})
      CHECK(answered(folder, program({command, file})).code == 66);
    CHECK(answered(folder, program({"diff", file, "r"})).code == 66);
    CHECK(answered(folder, program({"vectors", file})).code == 66);
    CHECK(answered(folder, program({"eval", "--theta", file, "--data", "squares=data"})).code == 66);
    CHECK(answered(folder, program({"apply", "--theta", "r", "--phi", file, "--data", "squares=data", "--out",
                                    "x.h5"}))
              .code == 66);
  }
  CHECK(answered(folder, program({"import", "pipe.npz", "--out", "x.h5"})).code == 66);
  for (const char* data : {"pipe", "pipe.csv", "pipe.h5", "idx", "npy", "cifar", "/dev/zero", "loop"}) {
    CAPTURE(data);
    const Result result = answered(folder, program({"data", std::string("mine=") + data}));
    CAPTURE(result.err);
    CHECK((result.code == 64 || result.code == 65 || result.code == 66));
  }
}

TEST_CASE("a newest snapshot that can't be read is passed over for the one before, whatever stands there") {
  for (const std::string kind : {"pipe", "folder", "loop", "link", "device", "endless"}) {
    CAPTURE(kind);
    Folder folder;
    train(folder);
    const fs::path newest = snapshots(folder / "r").back();
    fs::copy_file(newest, folder / "elsewhere.h5");
    fs::remove(newest);
    if (kind == "pipe") make_pipe(newest);
    if (kind == "folder") fs::create_directory(newest);
    if (kind == "loop") fs::create_symlink(newest.filename(), newest);
    if (kind == "link") fs::create_symlink("../elsewhere.h5", newest);
    if (kind == "device") fs::create_symlink("/dev/zero", newest);
    if (kind == "endless") {
      spill(newest, "");
      fs::resize_file(newest, std::uintmax_t{10} << 30);
    }
    const Result inspected = answered(folder, program({"inspect", "r"}));
    CAPTURE(inspected.err);
    CHECK(inspected.code == 0);
    CHECK(contains(inspected.err, newest.filename().string()));
    CHECK(contains(inspected.err, "; using "));
    CHECK(answered(folder, program({"eval", "--theta", "r", "--data", "squares=data", "--steps", "0",
                                    "--seeds", "1", "--layers", "8"}))
              .code == 0);
    const Result verified = answered(folder, program({"verify", "r"}));
    CHECK(verified.code == 65);
    CHECK(contains(verified.out, newest.filename().string()));

    const Result resumed = answered(folder, program({"resume", "r"}));
    CAPTURE(resumed.err);
    CHECK(resumed.code == 0);
    CHECK(contains(resumed.err, "; using "));
    CHECK(fs::exists(fs::symlink_status(newest.string() + ".damaged")));
    CHECK(slurp(newest) == slurp(folder / "elsewhere.h5"));
    CHECK(run(program({"verify", "r"}), folder.path).code == 0);
  }
}

TEST_CASE(
    "pipes and links in place of a run's other files are refused, and what links lead to stays as it is") {
  for (const std::string name : {"manifest.json", "metrics.csv", "log.csv", "config.json", "lock"})
    for (const bool is_link : {false, true}) {
      CAPTURE(name);
      CAPTURE(is_link);
      Folder folder;
      train(folder);
      spill(folder / "mine", "a user's own words\n");
      const fs::path file = folder / ("r/" + name);
      fs::remove(file);
      if (is_link)
        fs::create_symlink("../mine", file);
      else
        make_pipe(file);
      for (const char* command : {"inspect", "verify"})
        CHECK(answered(folder, program({command, "r"})).code >= 0);
      CHECK(answered(folder, program({"report", "r"})).code >= 0);
      const Result resumed = answered(folder, program({"resume", "r", "--updates", "8"}));
      CAPTURE(resumed.err);
      CHECK((resumed.code == 0 || resumed.code == 74));
      if (resumed.code == 74) CHECK(contains(resumed.err, name == "lock" ? "lock" : "r/" + name));
      CHECK(slurp(folder / "mine") == "a user's own words\n");
    }
}

TEST_CASE("a pipe where a new run would keep its rows is refused, and so is one in place of a sweep's rows") {
  Folder folder;
  train(folder);
  fs::create_directory(folder / "new");
  make_pipe(folder / "new/metrics.csv");
  CHECK(answered(folder, tiny_training("new", "squares=data")).code == 64);
  fs::create_directory(folder / "sweeps");
  make_pipe(folder / "sweeps/sweep-depth.json");
  const Result swept = answered(
      folder, program({"sweep", "--theta", "r", "--over", "depth=1", "--data", "squares=data", "--out",
                       "sweeps", "--layers", "8", "--seeds", "1", "--draws", "1", "--steps", "0"}));
  CAPTURE(swept.err);
  CHECK((swept.code == 64 || swept.code == 65));
}
