// Untrusted text (names, headers, cells, keys) is data: no gnuplot, shell, awk or terminal interprets it.
#include <nlohmann/json.hpp>

#include "checkpoints/snapshot_file.hpp"
#include "program_fixture.hpp"

using namespace program_test;

namespace {

const std::string kPlot = (fs::path(METALEARN_SOURCE) / "tools/plot_curve").string();
const std::vector<std::string> kHostile = {"`touch canary`",
                                           "$(touch canary)",
                                           "\"; system 'touch canary'; #",
                                           "'; system \"touch canary\" #",
                                           "\nsystem 'touch canary'\n!touch canary\n",
                                           "<touch canary;",
                                           "|touch canary",
                                           "x=y",
                                           "-f",
                                           "@a",
                                           "%s%n",
                                           "\\",
                                           "a\"\\\n!touch canary\n\""};
/// Escape, C1, bidi and DEL among harmless characters.
const std::string kSteering =
    "n\x1b]0;t\x07\xc2\x9b"
    "31m\xe2\x80\xae\x7f"
    "e";
const std::string kWrittenOut =
    "n\\x1b]0;t\\x07\\x9b31m\\u202e\\x7f"
    "e";

/// The part that is allowed as a name in a file: checkpoints::is_proper_name().
const std::string kName =
    "n\xc2\x9b"
    "31m\xe2\x80\xae"
    "e";

/// Whether a terminal would only display it, in the written order.
bool is_harmless(const std::string& text) {
  for (const unsigned char c : text)
    if ((c < 0x20 && c != '\n') || c == 0x7f) return false;
  return !contains(text, "\xc2\x9b") && !contains(text, "\xe2\x80\xae");
}

std::string metrics(const std::string& mark, const std::string& cell) {
  return "update,objective_first,objective_last," + mark + ",seconds\n1,1.5,1.4,0.5,0.1\n2,1.4,1.3," + cell +
         ",0.1\n" + cell + "\nEND\nsystem 'touch canary'\n!touch canary\n3," + cell +
         ",1.2,0.6,0.1\n4,1.2,1.1,,\n";
}

}  // namespace

TEST_CASE("the learning curve of a run draws its numbers and runs none of its text") {
  Folder folder;
  for (const auto& text : kHostile) {
    CAPTURE(text);
    spill(folder.path / text / "metrics.csv", metrics("validation_accuracy.5", text));
    const Result named = run({kPlot, text, text + ".svg"}, folder.path);
    CAPTURE(named.err);
    CHECK(named.code == 0);
    CHECK(contains(slurp(folder.path / (text + ".svg")), "</svg>"));
    CHECK(contains(slurp(folder.path / (text + ".svg")), "after 5 inner steps"));
    spill(folder / "r/metrics.csv",
          metrics("validation_accuracy." + text + ",validation_accuracy.5" + text + "," + text, "0.5"));
    CHECK(run({kPlot, "r", "r.svg"}, folder.path).code == 0);
    CHECK_FALSE(contains(slurp(folder / "r.svg"), "touch"));
    spill(folder / "none/metrics.csv", text + "\n" + text + "\n");
    CHECK(run({kPlot, "none", "none.svg"}, folder.path).code == 65);
    CHECK(run({kPlot, text + "no", "none.svg"}, folder.path).code == 66);
    CHECK_FALSE(fs::exists(folder / "canary"));
    CHECK_FALSE(fs::exists(folder / "none.svg"));
  }
}

TEST_CASE("a refusal of the learning curve shows no name that steers a terminal as it is") {
  Folder folder;
  const Result refused = run({kPlot, kSteering, "out.svg"}, folder.path);
  CHECK(refused.code == 66);
  CHECK(is_harmless(refused.err));
}

TEST_CASE("names and keys that would steer a terminal are written out in errors, in one line") {
  Folder folder;
  spill(folder / "key.conf", "updates = 3\n" + kSteering + " = 1\n");
  spill(folder / "key.json", "{\"n\\u009b31m\": 2}");
  const std::string lines = kSteering + "\nmetalearn: error: not ours";
  for (const auto& words :
       std::vector<std::vector<std::string>>{{kSteering},
                                             {lines},
                                             {"data", "--" + kSteering},
                                             {"data", "mine=" + kName},
                                             {"inspect", lines},
                                             {"verify", kSteering},
                                             {"report", lines},
                                             {"diff", kSteering, lines},
                                             {"eval", "--theta", lines, "--held-out"},
                                             {"train", "--run", "r", "--config", "key.conf"},
                                             {"train", "--run", "r", "--config", "key.json"},
                                             {"train", "--run", "r", "--preset", kName}}) {
    const Result refused = run(program(words), folder.path);
    CAPTURE(refused.err);
    CHECK((refused.code >= 64 && refused.code <= 66));
    CHECK(is_harmless(refused.err));
    CHECK(contains(refused.err, "\\x9b31m"));
    CHECK(std::count(refused.err.begin(), refused.err.end(), '\n') == 1);
  }
}

TEST_CASE("names of classes that would steer a terminal are written out, in JSON as its escapes") {
  Folder folder;
  std::string table = "a,b,label\n";
  for (int i = 0; i < 100; ++i)
    table += std::to_string(i % 7) + "," + std::to_string(i % 5) + "," + (i % 2 ? "ant" : kName) + "\n";
  spill(folder / "mine.csv", table);
  const Result lines = run(program({"data", "mine=mine.csv"}), folder.path),
               json = run(program({"data", "mine=mine.csv", "--json"}), folder.path);
  CHECK(lines.code == 0);
  CHECK(is_harmless(lines.out));
  CHECK(contains(lines.out, "n\\x9b31m\\u202ee"));
  CHECK(is_harmless(json.out));
  CHECK(contains(json.out, "n\\u009b31m\\u202ee"));
  const auto read = nlohmann::json::parse(json.out);
  CHECK((read[0]["classes"][0]["name"] == kName || read[0]["classes"][1]["name"] == kName));
}

TEST_CASE("a run whose name would steer a terminal is as good as others; names in it are written out") {
  Folder folder;
  IdxImages().write(folder / "idx");
  const Result trained = run(tiny_training(kSteering, "idx=idx"), folder.path);
  CAPTURE(trained.err);
  CHECK(trained.code == 0);
  CHECK(is_harmless(trained.out));
  CHECK(is_harmless(trained.err));
  CHECK(contains(trained.out, kWrittenOut));
  checkpoints::Archive archive =
      checkpoints::load_snapshot(snapshots(folder.path / kSteering).back().string());
  archive.set("", "program_version", kSteering);
  checkpoints::save_snapshot((folder / "version.h5").string(), archive);
  const Result inspected = run(program({"inspect", "version.h5"}), folder.path);
  CAPTURE(inspected.err);
  CHECK(inspected.code == 0);
  CHECK(is_harmless(inspected.out));
  CHECK(contains(inspected.out, "written by version " + kWrittenOut));
  archive.put<float>("more/" + kName, {1}, {1.0f});
  checkpoints::save_snapshot((folder / "array.h5").string(), archive);
  const Result refused = run(program({"inspect", "array.h5"}), folder.path);
  CHECK(refused.code == 65);
  CHECK(is_harmless(refused.err));
  CHECK(contains(refused.err, "more/n\\x9b31m\\u202ee"));
  const Result report = run(program({"report", kSteering}), folder.path);
  CHECK(report.code == 0);
  CHECK(is_harmless(report.out));
  const std::string page = slurp(folder.path / kSteering / "report.html");
  CHECK(contains(page, kWrittenOut));
  CHECK_FALSE(contains(page, "\x1b"));
  CHECK_FALSE(contains(page, "\xc2\x9b"));
  CHECK_FALSE(contains(page, "\xe2\x80\xae"));
}

TEST_CASE("the program writes to stdout and stderr by say() alone") {
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(METALEARN_SOURCE) / "tools")) {
    const std::string name = entry.path().filename().string(), text = slurp(entry.path());
    if (name == "say.cpp" || !entry.is_regular_file()) continue;
    CAPTURE(name);
    for (const char* way : {"std::cout", "std::cerr", "std::puts", "std::fputs", "std::fwrite", "printf("})
      if (entry.path().extension() != "") CHECK_FALSE(contains(text, way));
    CHECK_FALSE(contains(text, "fmt::print"));
  }
}
