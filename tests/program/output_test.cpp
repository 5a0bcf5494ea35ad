// Output files: commands never destroy a user's file.
#include <memory>

#include "program_fixture.hpp"

using namespace program_test;

namespace {

struct Output {
  std::vector<std::string> words;  ///< a command without its output
  std::string option, ending;

  Result write(const fs::path& folder, const std::string& to,
               const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"--" + option, to});
    all.insert(all.end(), more.begin(), more.end());
    return run(program(all), folder);
  }
};

struct Commands : Folder {
  Commands() {
    IdxImages().write(path / "data");
    REQUIRE(run(tiny_training("run", "squares=data"), path).code == 0);
    REQUIRE(run(program({"export", "run", "--out", "theta.npz"}), path).code == 0);
    const std::vector<std::string> few = {
        "--data", "squares=data",       "--steps", "0,1", "--seeds", "1", "--draws", "1", "--layers",
        "8",      "--labels-per-class", "4"};
    const auto eval = [&](std::vector<std::string> words) {
      words.insert(words.end(), few.begin(), few.end());
      return words;
    };
    all = {{{"apply", "--theta", "run", "--data", "squares=data", "--steps", "1", "--layers", "8"},
            "out",
            ".h5"},
           {{"export", "run"}, "out", ".npz"},
           {{"export", "run"}, "out", ".h5"},
           {{"import", "theta.npz"}, "out", ".h5"},
           {eval({"eval", "--theta", "run"}), "out", ".json"},
           {eval({"eval", "--methods", "random"}), "out", ".json"},
           {{"report", "run"}, "out", ".html"},
           {{"plan", "--unroll", "10", "--memory", "1GiB", "--preset", "demo"}, "svg", ".svg"}};
  }
  std::vector<Output> all;
};

/// A user's file with the usual head of files of this ending.
std::string users_file(const std::string& ending) {
  if (ending == ".h5") return "\x89HDF\r\n\x1a\n of the user";
  if (ending == ".npz") return "PK\3\4 of the user";
  if (ending == ".json") return R"({"results": [], "chosen_step": 1, "gain": {}, "mine": true})";
  if (ending == ".html")
    return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>mine</title></head></html>\n";
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1440 630\"><text>mine</text></svg>\n";
}

}  // namespace

TEST_CASE(
    "a user's file is left as it is, byte by byte, by every command that writes; --force replaces it; what "
    "the program wrote is replaced") {
  Commands folder;
  for (const Output& output : folder.all) {
    CAPTURE(output.words.front());
    CAPTURE(output.ending);
    const std::string name = "u" + output.ending, mine = users_file(output.ending);
    spill(folder / name, mine);
    spill(folder / (name + ".tmp"), "the user's too");
    const Result refused = output.write(folder.path, name);
    CHECK(refused.code == 64);
    CHECK_MESSAGE(contains(refused.err, "--" + output.option + " " + name +
                                            ": cannot be overwritten: the existing file is not "),
                  refused.err);
    CHECK(contains(refused.err, "that this program wrote; name another file, or give --force to replace it"));
    CHECK(slurp(folder / name) == mine);

    const Result forced = output.write(folder.path, name, {"--force"});
    CHECK_MESSAGE(forced.code == 0, forced.err);
    CHECK(slurp(folder / name) != mine);
    const Result again = output.write(folder.path, name);
    CHECK_MESSAGE(again.code == 0, again.err);
    CHECK(slurp(folder / (name + ".tmp")) == "the user's too");

    const Result other = output.write(folder.path, "u.else");
    CHECK(other.code == 64);
    CHECK_MESSAGE(contains(other.err, "u.else: unknown ending; name a file that ends in "), other.err);
    CHECK(!fs::exists(folder / "u.else"));
  }
}

TEST_CASE("what the program wrote is not replaced by another kind of file, but with --force") {
  Commands folder;
  const Output &apply = folder.all[0], &exported = folder.all[2], &eval = folder.all[4],
               &methods = folder.all[5];
  REQUIRE(apply.write(folder.path, "features.h5").code == 0);
  REQUIRE(methods.write(folder.path, "methods.json").code == 0);
  const auto refused = [&](const Output& output, const std::string& name, const std::string& says) {
    const std::string before = slurp(folder / name);
    const Result result = output.write(folder.path, name);
    CHECK(result.code == 64);
    CHECK_MESSAGE(contains(result.err, says), result.err);
    CHECK(slurp(folder / name) == before);
  };
  refused(
      exported, "features.h5",
      "the existing file is features of apply, not a theta or phi of import or export; name another file");
  refused(eval, "methods.json",
          "the existing file is a comparison of methods, not an evaluation of one theta");
  fs::copy(snapshots(folder / "run").back(), folder / "copy.h5");
  refused(exported, "copy.h5",
          "the existing file is not a theta or phi of import or export that this program wrote");
  spill(folder / "torn.h5", slurp(folder / "features.h5").substr(0, 1000));
  refused(apply, "torn.h5", "the existing file is not features of apply that this program wrote");
  CHECK(exported.write(folder.path, "features.h5", {"--force"}).code == 0);
  CHECK(run(program({"inspect", "features.h5"}), folder.path).code == 0);
}

TEST_CASE("--force replaces nothing that the same command reads, and nothing of a run's state") {
  Commands folder;
  REQUIRE(folder.all[0].write(folder.path, "phi.h5").code == 0);
  spill(folder / "data/notes.json", "mine");
  spill(folder / "table.json", "mine");
  fs::create_symlink("data/notes.json", folder / "link.json");
  fs::create_hard_link(folder / "theta.npz", folder / "same.h5");
  struct Row {
    std::vector<std::string> words;
    const char *file, *says;
  };
  const Row rows[] = {
      {{"apply", "--phi", "phi.h5", "--steps", "0", "--data", "squares=data", "--out", "phi.h5"},
       "phi.h5",
       "--out phi.h5 is an input of this command"},
      {{"export", "phi.h5", "--out", "./phi.h5"}, "phi.h5", "is an input of this command"},
      {{"import", "theta.npz", "--out", "same.h5"}, "theta.npz", "is an input of this command"},
      {{"eval", "--data", "squares=table.json", "--out", "table.json"},
       "table.json",
       "is an input of this command"},
      {{"eval", "--data", "squares=data", "--out", "data/notes.json"},
       "data/notes.json",
       "in a folder that is read (data data)"},
      {{"eval", "--data", "squares=data", "--out", "link.json"},
       "data/notes.json",
       "in a folder that is read (data data)"},
      {{"eval", "--theta", "run", "--held-out", "--tasks", "1", "--steps", "0,1", "--out", "data/notes.json"},
       "data/notes.json",
       "in a folder that is read"},
      {{"export", "run", "--out", "run/snapshot-00000006.h5"},
       "run/snapshot-00000006.h5",
       "a run keeps its state there"},
  };
  for (const Row& row : rows) {
    const std::string before = slurp(folder / row.file);
    std::vector<std::string> words = row.words;
    words.push_back("--force");
    const Result result = run(program(words), folder.path);
    CAPTURE(row.words.front());
    CHECK(result.code == 64);
    CHECK_MESSAGE(contains(result.err, row.says), result.err);
    CHECK(slurp(folder / row.file) == before);
  }
  const Result idle = run(program({"eval", "--data", "squares=data", "--force"}), folder.path);
  CHECK(idle.code == 64);
  CHECK(contains(idle.err, "--force has no effect without --out"));
}

TEST_CASE("a sweep replaces no table of the user's; with --force it starts again") {
  Commands folder;
  const auto sweep = [&](std::vector<std::string> more, const std::string& data = "squares=data") {
    more.insert(more.begin(), {"sweep", "--over", "depth=1", "--data", data, "--out", "out", "--layers", "8",
                               "--steps", "0,1", "--seeds", "1", "--draws", "1", "--labels-per-class", "4"});
    return run(program(more), folder.path);
  };
  spill(folder / "out/sweep-depth.csv", "a,b\n1,2\n");
  const Result table = sweep({});
  CHECK(table.code == 64);
  CHECK_MESSAGE(contains(table.err,
                         "out/sweep-depth.csv: cannot be overwritten: the existing file is not the table of "
                         "a sweep that this program wrote; name another file"),
                table.err);
  CHECK(slurp(folder / "out/sweep-depth.csv") == "a,b\n1,2\n");
  CHECK(sweep({"--force"}).code == 0);
  CHECK(sweep({}).code == 0);
  CHECK(sweep({"--seed", "5"}).code == 64);
  CHECK(sweep({"--seed", "5", "--force"}).code == 0);
  CHECK(contains(slurp(folder / "out/sweep-depth.json"), "\"seed\": 5"));
  spill(folder / "out/sweep-depth.json", "{\"mine\": 1}");
  CHECK(sweep({"--seed", "5"}).code == 65);
  CHECK(slurp(folder / "out/sweep-depth.json") == "{\"mine\": 1}");
  CHECK(sweep({"--seed", "5", "--force"}).code == 0);
  CHECK(sweep({"--seed", "5"}).code == 0);

  std::string data = "x,y,label\n";
  for (int i = 0; i < 200; ++i)
    data += std::to_string(i % 7) + "," + std::to_string(i % 5) + "," + (i % 2 == 0 ? "even\n" : "odd\n");
  spill(folder / "out/sweep-depth.csv", data);
  const Result read = sweep({"--force"}, "own=out/sweep-depth.csv");
  CHECK(read.code == 64);
  CHECK_MESSAGE(contains(read.err, "out/sweep-depth.csv is an input of this command"), read.err);
  CHECK(slurp(folder / "out/sweep-depth.csv") == data);
}

TEST_CASE("several writers of one output all end well, and the file is whole") {
  Commands folder;
  for (const char* out : {"both.npz", "both.h5"}) {
    for (int round = 0; round < 5; ++round) {
      std::vector<std::unique_ptr<Child>> writers;
      for (int i = 0; i < 4; ++i)
        writers.push_back(std::make_unique<Child>(program({"export", "run", "--out", out}), folder.path));
      for (auto& writer : writers) {
        const Result result = writer->wait();
        CHECK_MESSAGE(result.code == 0, result.err);
      }
    }
    REQUIRE(run(program({"export", "run", "--out", std::string("one-") + out}), folder.path).code == 0);
    CHECK(slurp(folder / out) == slurp(folder / (std::string("one-") + out)));
  }
  for (const auto& entry : fs::directory_iterator(folder.path)) CHECK(entry.path().extension() != ".tmp");
}
