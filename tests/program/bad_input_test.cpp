// Every wrong input of the table: one line that names the thing and the fix, the documented exit code,
// no file left over.
#include <zlib.h>

#include "program_fixture.hpp"

using namespace program_test;

namespace {

struct Row {
  std::string claim;
  std::vector<std::string> words;
  int code;
  std::vector<std::string> says;
  std::string fix;  ///< part of the fix that the message names
  Environment environment = {};
};

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// Folders of data, each wrong in one way.
void write_wrong_data(const Folder& folder) {
  const IdxImages good;
  for (const char* name : {"good", "truncated", "magic", "counts", "gz", "empty-labels", "short-labels"})
    good.write(folder / name);
  spill(folder / "truncated/train-images-idx3-ubyte", good.images().substr(0, 5000));
  spill(folder / "magic/train-images-idx3-ubyte", "PNG?" + good.images().substr(4));
  spill(folder / "counts/train-labels-idx1-ubyte", IdxImages{.per_class = 30}.labels());
  spill(folder / "empty-labels/train-labels-idx1-ubyte", "");
  spill(folder / "short-labels/train-labels-idx1-ubyte", good.labels().substr(0, 100));
  fs::remove(folder / "gz/train-images-idx3-ubyte");
  const std::string packed = gzip(good.images());
  spill(folder / "gz/train-images-idx3-ubyte.gz", packed.substr(0, packed.size() / 2));
  IdxImages{.classes = 1, .per_class = 100}.write(folder / "one-class");
  IdxImages{.per_class = 10}.write(folder / "few");
  spill(folder / "cifar/data_batch_1.bin", std::string(5000, '\1'));
  fs::create_directories(folder / "empty");
  for (const char* part : {"train", "test"})
    for (const char* c : {"neg", "pos"})
      for (int i = 0; i < 20; ++i)
        spill(folder / "reviews" / part / c / (std::to_string(i) + "_1.txt"),
              i == 7 && std::string(c) == "pos" ? "caf\xe9" : "a film");
  spill(folder / "ragged.csv", "1,2,x\n1,x\n");
  spill(folder / "nan.csv", "1,2,x\n1,nan,x\n");
  spill(folder / "pictures/cat/1.png", "no picture");
  spill(folder / "pictures/dog/1.png", "no picture");
  spill(folder / "empty-class/cat/1.png", "no picture");
  fs::create_directories(folder / "empty-class/dog");
  spill(folder / "broken/small.h5", "no HDF5");
  spill(folder / "a-file", "no folder\n");
  spill(folder / "not-hdf5.h5", "no snapshot\n");
  spill(folder / "unknown-key.conf", "# a comment\nupdates = 3\ninner-rat = 0.1\n");
  spill(folder / "bad-value.conf", "tasks = many\n");
  spill(folder / "no-equals.conf", "updates 3\n");
  spill(folder / "unroll.conf", "unroll = 3\nlength-max = 5\n");
  spill(folder / "unknown-key.json", "{\"updates\": 3, \"treads\": 2}");
  spill(folder / "not-json.json", "{\"updates\": 3");
}

const std::vector<Row> kRows = {
    {"a missing folder", {"train", "--run", "r", "--data", "mnist=nowhere"}, 66, {"nowhere"}, "check"},
    {"a file in place of a folder",
     {"train", "--run", "r", "--data", "mnist=a-file"},
     66,
     {"a-file"},
     "folder"},
    {"an empty folder", {"train", "--run", "r", "--data", "mnist=empty"}, 66, {"empty"}, "expected"},
    {"a truncated file",
     {"train", "--run", "r", "--data", "mnist=truncated"},
     65,
     {"train-images-idx3-ubyte", "truncated", "5000"},
     "download it again"},
    {"a truncated gzip file",
     {"train", "--run", "r", "--data", "mnist=gz"},
     65,
     {"train-images-idx3-ubyte.gz", "truncated"},
     "download it again"},
    {"a wrong magic number",
     {"train", "--run", "r", "--data", "mnist=magic"},
     65,
     {"train-images-idx3-ubyte"},
     "check that it is the right file"},
    {"an empty label file",
     {"train", "--run", "r", "--data", "mnist=empty-labels"},
     65,
     {"train-labels-idx1-ubyte", "0 found"},
     "download it again"},
    {"a label file that is too short",
     {"train", "--run", "r", "--data", "mnist=short-labels"},
     65,
     {"train-labels-idx1-ubyte", "168", "100"},
     "download it again"},
    {"images and labels of different counts",
     {"train", "--run", "r", "--data", "mnist=counts"},
     65,
     {"160", "120"},
     "must belong together"},
    {"fewer than two classes",
     {"train", "--run", "r", "--data", "mine=one-class"},
     65,
     {"class"},
     "at least 2"},
    {"fewer than 20 examples in a class",
     {"train", "--run", "r", "--data", "mine=few"},
     65,
     {"20"},
     "add examples"},
    {"a truncated CIFAR file",
     {"train", "--run", "r", "--data", "cifar10=cifar"},
     65,
     {"data_batch_1.bin", "5000", "3073"},
     "download it again"},
    {"a CIFAR folder without files",
     {"train", "--run", "r", "--data", "cifar10=empty"},
     66,
     {"empty", "data_batch_1.bin"},
     "expected"},
    {"a review that is not UTF-8",
     {"train", "--run", "r", "--data", "imdb=reviews"},
     65,
     {"pos/7_1.txt", "byte 3"},
     "convert it to UTF-8"},
    {"a CSV file with a ragged row",
     {"train", "--run", "r", "--data", "mine=ragged.csv"},
     65,
     {"ragged.csv:2", "2 fields (3 expected"},
     "correct the row"},
    {"a feature that is no number", {"data", "mine=nan.csv"}, 65, {"nan.csv:2", "'nan'"}, "remove the row"},
    {"a picture that is none", {"data", "mine=pictures"}, 65, {"pictures/cat/1.png"}, "convert or remove it"},
    {"a class without pictures", {"data", "mine=empty-class"}, 65, {"empty-class/dog"}, "remove the folder"},
    {"an HDF5 file that is none", {"data", "imagenet=broken"}, 65, {"small.h5"}, "not an HDF5 file"},
    {"a folder that holds nothing known", {"data", "mine=empty"}, 66, {"'mine'", "empty"}, "expected: "},
    {"no data set to look at", {"data"}, 64, {"no data set"}, "metalearn data NAME=DIR"},
    {"an unknown data name",
     {"train", "--run", "r", "--data", "mnits"},
     64,
     {"mnits"},
     "did you mean 'mnist'"},
    {"a data set that needs a folder",
     {"train", "--run", "r", "--data", "mnist"},
     64,
     {"mnist"},
     "mnist=DIR"},
    {"a data set's name with odd letters",
     {"train", "--run", "r", "--data", "a.b=good"},
     64,
     {"a.b"},
     "letters, digits"},
    {"two data sets of one name",
     {"train", "--run", "r", "--data", "mine=good", "--data", "mine=few"},
     64,
     {"mine=", "good", "few", "twice"},
     "its own name"},
    {"no usable font", {"train", "--run", "r", "--data", "glyph=empty"}, 66, {"font"}, "install"},
    {"an unknown option",
     {"train", "--run", "r", "--inner-rat", "0.1"},
     64,
     {"'--inner-rat'"},
     "did you mean '--inner-rate'"},
    {"an abbreviated option", {"train", "--run", "r", "--inner", "0.1"}, 64, {"--inner"}, "did you mean"},
    {"an option without its value",
     {"train", "--run", "r", "--updates"},
     64,
     {"--updates"},
     "write --updates N"},
    {"an option in place of a value",
     {"train", "--run", "--data", "mine=good"},
     64,
     {"--run"},
     "write --run DIR"},
    {"an option given twice",
     {"train", "--run", "r", "--updates", "3", "--updates", "4"},
     64,
     {"updates"},
     "twice"},
    {"too many arguments", {"train", "r"}, 64, {"too many arguments"}, "--run DIR"},
    {"no run directory", {"train", "--data", "mine=good"}, 64, {"no run directory"}, "give --run DIR"},
    {"a value out of range",
     {"train", "--run", "r", "--inner-rate", "7"},
     64,
     {"--inner-rate", "7"},
     "allowed: 1e-09 .. 1"},
    {"more updates than a snapshot's name can hold",
     {"train", "--run", "r", "--updates", "100000000"},
     64,
     {"--updates"},
     "allowed: 1 .. 99999999"},
    {"a negative value", {"train", "--run", "r", "--tasks", "-1"}, 64, {"--tasks"}, "allowed: 1 .. 100000"},
    {"a value that is no number",
     {"train", "--run", "r", "--batch=many"},
     64,
     {"--batch", "many"},
     "allowed: 2 .. 65536"},
    {"bounds in the wrong order",
     {"train", "--run", "r", "--window-min", "9", "--window-max", "3"},
     64,
     {"window-min", "window-max"},
     "raise window-max or lower window-min"},
    {"unroll beside a window",
     {"train", "--run", "r", "--unroll", "5", "--window-max", "3"},
     64,
     {"unroll", "window-max"},
     "leave one of them out"},
    {"unroll beside a length in one file",
     {"train", "--run", "r", "--config", "unroll.conf"},
     64,
     {"unroll.conf:2", "unroll", "length-max"},
     "leave one of them out"},
    {"an unknown preset",
     {"train", "--run", "r", "--preset", "big"},
     64,
     {"big"},
     "allowed: demo, small, paper, paper-tasks, laptop-tasks"},
    {"an unknown key in a file",
     {"train", "--run", "r", "--config", "unknown-key.conf"},
     64,
     {"unknown-key.conf:3", "inner-rat"},
     "did you mean 'inner-rate'"},
    {"a wrong value in a file",
     {"train", "--run", "r", "--config", "bad-value.conf"},
     64,
     {"bad-value.conf:1", "many"},
     "allowed: 1 .. 100000"},
    {"a line without =",
     {"train", "--run", "r", "--config", "no-equals.conf"},
     64,
     {"no-equals.conf:1"},
     "expected 'key = value'"},
    {"an unknown key in a JSON file",
     {"train", "--run", "r", "--config", "unknown-key.json"},
     64,
     {"unknown-key.json", "treads"},
     "did you mean 'threads'"},
    {"a JSON file that breaks off",
     {"train", "--run", "r", "--config", "not-json.json"},
     64,
     {"not-json.json"},
     "correct it"},
    {"a missing configuration file",
     {"train", "--run", "r", "--config", "none.conf"},
     66,
     {"none.conf"},
     "check --config"},
    {"an unknown key in the environment",
     {"train", "--run", "r"},
     64,
     {"METALEARN_TREADS"},
     "did you mean 'threads'",
     {{"METALEARN_TREADS", "2"}}},
    {"a value out of range in the environment",
     {"train", "--run", "r"},
     64,
     {"METALEARN_INNER_RATE", "7"},
     "allowed: 1e-09 .. 1",
     {{"METALEARN_INNER_RATE", "7"}}},
    {"an instruction set that is not there",
     {"doctor"},
     64,
     {"METALEARN_ISA", "v9"},
     "available: scalar",
     {{"METALEARN_ISA", "v9"}}},
    {"a run directory that cannot be created",
     {"train", "--run", "a-file/r", "--data", "mine=good"},
     74,
     {"a-file"},
     "write elsewhere"},
    {"a run directory that is a file",
     {"train", "--run", "a-file", "--data", "mine=good"},
     74,
     {"a-file"},
     "write elsewhere"},
    {"a run directory that can't be written",
     {"train", "--run", "/proc", "--data", "mine=good"},
     74,
     {"/proc"},
     "write elsewhere"},
    {"resuming what is not there", {"resume", "nowhere"}, 66, {"nowhere"}, "metalearn train --run"},
    {"resuming an empty folder", {"resume", "empty"}, 66, {"empty"}, "metalearn train --run"},
    {"resuming a file", {"resume", "not-hdf5.h5"}, 66, {"not-hdf5.h5"}, "metalearn resume DIR"},
    {"resuming nothing", {"resume"}, 64, {"no run directory"}, "metalearn resume DIR"},
    {"resuming to no number",
     {"resume", "empty", "--updates", "0"},
     64,
     {"--updates"},
     "allowed: 1 .. 99999999"},
    {"evaluating an empty name",
     {"eval", "--theta", "", "--data", "mine=good"},
     64,
     {"--theta is empty"},
     "give --theta"},
    {"a missing theta",
     {"eval", "--theta", "nowhere.h5", "--data", "mine=good"},
     66,
     {"nowhere.h5"},
     "check"},
    {"a folder without theta", {"eval", "--theta", "empty", "--data", "mine=good"}, 66, {"empty"}, "train"},
    {"a theta that is no snapshot",
     {"eval", "--theta", "not-hdf5.h5", "--data", "mine=good"},
     65,
     {"not-hdf5.h5"},
     "snapshot"},
    {"inspecting what is no snapshot", {"inspect", "not-hdf5.h5"}, 65, {"not-hdf5.h5"}, "snapshot"},
    {"reference vectors that are none",
     {"vectors", "not-hdf5.h5"},
     65,
     {"not-hdf5.h5"},
     "not a whole HDF5 file"},
    {"missing reference vectors", {"vectors", "nowhere.h5"}, 66, {"nowhere.h5"}, "check"},
    {"no command", {}, 64, {"no command"}, "metalearn --help"},
    {"an unknown command", {"trian"}, 64, {"trian"}, "did you mean 'train'"},
};

}  // namespace

TEST_CASE(
    "wrong input is refused in one line that names the thing and the fix, with its exit code, and leaves no "
    "file") {
  Folder folder;
  write_wrong_data(folder);
  const auto entries = [&] {
    return std::distance(fs::recursive_directory_iterator(folder.path), fs::recursive_directory_iterator());
  };
  const auto before = entries();
  for (const Row& row : kRows) {
    CAPTURE(row.claim);
    // The proc file system is the only folder that even root cannot write; in a bare chroot it is not mounted
    // and is an ordinary folder.
    if (std::find(row.words.begin(), row.words.end(), "/proc") != row.words.end() &&
        !fs::exists("/proc/self")) {
      MESSAGE("skipped, no proc file system: " << row.claim);
      continue;
    }
    const Result result = run(program(row.words), folder.path, row.environment);
    const std::string& err = result.err;
    CAPTURE(err);
    CHECK(result.code == row.code);
    CHECK(result.out.empty());
    CHECK(std::count(err.begin(), err.end(), '\n') == 1);
    CHECK(err.rfind("metalearn: error: ", 0) == 0);
    for (const auto& part : row.says) {
      CAPTURE(part);
      CHECK(contains(err, part));
    }
    CAPTURE(row.fix);
    CHECK(contains(err, row.fix));
    CHECK(entries() == before);
  }
}
