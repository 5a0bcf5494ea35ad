// Every wrong input of the table: one line that names the thing and the fix, the documented exit code, nothing left behind.
#include "program_fixture.hpp"

using namespace program_test;

namespace {

struct Row {
  std::string claim;
  std::vector<std::string> words;
  int code;
  std::vector<std::string> says;
  Environment environment = {};
};

/// Folders of data, each wrong in one way.
void write_wrong_data(const Folder& folder) {
  const IdxImages good;
  good.write(folder / "good");
  good.write(folder / "truncated");
  spill(folder / "truncated/train-images-idx3-ubyte", good.images().substr(0, 5000));
  good.write(folder / "magic");
  spill(folder / "magic/train-images-idx3-ubyte", "PNG?" + good.images().substr(4));
  good.write(folder / "counts");
  spill(folder / "counts/train-labels-idx1-ubyte", IdxImages{.per_class = 30}.labels());
  IdxImages{.classes = 1, .per_class = 100}.write(folder / "one-class");
  IdxImages{.per_class = 10}.write(folder / "few");
  fs::create_directories(folder / "empty");
  spill(folder / "a-file", "no folder\n");
  spill(folder / "not-hdf5.h5", "no snapshot\n");
  spill(folder / "unknown-key.conf", "# a comment\nupdates = 3\ninner-rat = 0.1\n");
  spill(folder / "bad-value.conf", "tasks = many\n");
  spill(folder / "no-equals.conf", "updates 3\n");
  spill(folder / "unknown-key.json", "{\"updates\": 3, \"treads\": 2}");
}

const std::vector<Row> kRows = {
    {"a missing folder", {"train", "--run", "r", "--data", "mnist=nowhere"}, 66, {"nowhere"}},
    {"an empty folder", {"train", "--run", "r", "--data", "mnist=empty"}, 66, {"empty"}},
    {"a truncated file", {"train", "--run", "r", "--data", "mnist=truncated"}, 65, {"train-images-idx3-ubyte", "truncated"}},
    {"a wrong magic number", {"train", "--run", "r", "--data", "mnist=magic"}, 65, {"train-images-idx3-ubyte"}},
    {"images and labels of different counts", {"train", "--run", "r", "--data", "mnist=counts"}, 65, {"160", "120"}},
    {"fewer than two classes", {"train", "--run", "r", "--data", "mine=one-class"}, 65, {"class"}},
    {"fewer than 20 examples in a class", {"train", "--run", "r", "--data", "mine=few"}, 65, {"20"}},
    {"an unknown data name", {"train", "--run", "r", "--data", "mnits"}, 64, {"mnits", "mnist"}},
    {"a data set that needs a folder", {"train", "--run", "r", "--data", "mnist"}, 64, {"mnist="}},
    {"no usable font", {"train", "--run", "r", "--data", "glyph=empty"}, 66, {"font"}},
    {"an unknown option", {"train", "--run", "r", "--inner-rat", "0.1"}, 64, {"'--inner-rat'", "'--inner-rate'"}},
    {"an abbreviated option", {"train", "--run", "r", "--inner", "0.1"}, 64, {"--inner"}},
    {"an option without its value", {"train", "--run", "r", "--updates"}, 64, {"updates"}},
    {"an option given twice", {"train", "--run", "r", "--updates", "3", "--updates", "4"}, 64, {"updates", "twice"}},
    {"a word too many", {"train", "r"}, 64, {"--run DIR"}},
    {"no run directory", {"train", "--data", "mine=good"}, 64, {"--run"}},
    {"a value out of range", {"train", "--run", "r", "--inner-rate", "7"}, 64, {"inner-rate", "7", "1e-09 .. 1"}},
    {"a negative value", {"train", "--run", "r", "--tasks", "-1"}, 64, {"tasks", "1 .. 100000"}},
    {"a value that is no number", {"train", "--run", "r", "--batch=many"}, 64, {"batch", "many", "2 .. 65536"}},
    {"bounds in the wrong order", {"train", "--run", "r", "--window-min", "9", "--window-max", "3"}, 64, {"window-min", "window-max"}},
    {"an unknown preset", {"train", "--run", "r", "--preset", "big"}, 64, {"big", "demo, small, paper"}},
    {"an unknown key in a file", {"train", "--run", "r", "--config", "unknown-key.conf"}, 64, {"unknown-key.conf:3", "inner-rat", "inner-rate"}},
    {"a wrong value in a file", {"train", "--run", "r", "--config", "bad-value.conf"}, 64, {"bad-value.conf:1", "many", "1 .. 100000"}},
    {"a line without =", {"train", "--run", "r", "--config", "no-equals.conf"}, 64, {"no-equals.conf:1", "key = value"}},
    {"an unknown key in a JSON file", {"train", "--run", "r", "--config", "unknown-key.json"}, 64, {"unknown-key.json", "treads", "threads"}},
    {"a missing configuration file", {"train", "--run", "r", "--config", "none.conf"}, 66, {"none.conf"}},
    {"an unknown key in the environment", {"train", "--run", "r"}, 64, {"METALEARN_TREADS", "threads"}, {{"METALEARN_TREADS", "2"}}},
    {"a run directory that can't be made", {"train", "--run", "a-file/r", "--data", "mine=good"}, 74, {"a-file"}},
    {"resuming what is not there", {"resume", "nowhere"}, 66, {"nowhere"}},
    {"resuming an empty folder", {"resume", "empty"}, 66, {"empty"}},
    {"resuming nothing", {"resume"}, 64, {"DIR"}},
    {"evaluating nothing", {"eval", "--data", "mine=good"}, 64, {"--theta"}},
    {"a missing theta", {"eval", "--theta", "nowhere.h5", "--data", "mine=good"}, 66, {"nowhere.h5"}},
    {"a theta that is no snapshot", {"eval", "--theta", "not-hdf5.h5", "--data", "mine=good"}, 65, {"not-hdf5.h5"}},
    {"inspecting what is no snapshot", {"inspect", "not-hdf5.h5"}, 65, {"not-hdf5.h5"}},
    {"reference vectors that are none", {"vectors", "not-hdf5.h5"}, 65, {"not-hdf5.h5"}},
    {"missing reference vectors", {"vectors", "nowhere.h5"}, 66, {"nowhere.h5"}},
    {"no command", {}, 64, {"--help"}},
    {"an unknown command", {"trian"}, 64, {"trian", "train"}},
};

}  // namespace

TEST_CASE("wrong input is refused in one line that names the thing and the fix, with its exit code, and leaves nothing behind") {
  Folder folder;
  write_wrong_data(folder);
  const auto entries = [&] { return std::distance(fs::recursive_directory_iterator(folder.path), fs::recursive_directory_iterator()); };
  const auto before = entries();
  for (const Row& row : kRows) {
    CAPTURE(row.claim);
    const Result result = run(program(row.words), folder.path, row.environment);
    CAPTURE(result.err);
    CHECK(result.code == row.code);
    CHECK(result.out.empty());
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    CHECK(result.err.rfind("metalearn: error: ", 0) == 0);
    for (const auto& part : row.says) {
      CAPTURE(part);
      CHECK(contains(result.err, part));
    }
    CHECK(entries() == before);
  }
}
