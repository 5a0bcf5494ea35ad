// metalearn report: the page parses, every figure is there, missing results are named with a working command,
// and a damaged file affects only its section.
#include <fmt/format.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "checkpoints/snapshot_file.hpp"
#include "program_fixture.hpp"

using namespace program_test;
using nlohmann::json;

namespace {

/// What a page holds, as JSON: its figures by id (the SVG's texts, the titles of its curves, how many
/// pictures, the rows of its table), its commands, its text. Fails where a tag is not closed, an id stands
/// twice, anything would be loaded or run, or an SVG is no XML.
constexpr const char* kReader = R"python(
import html, html.parser, json, re, sys, xml.etree.ElementTree as ET
page = open(sys.argv[1], encoding='utf-8').read()
stack, ids, commands, text, href = [], [], [], [], []
class Reader(html.parser.HTMLParser):
    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            assert not name.startswith('on'), name
            if name == 'id': ids.append(value)
            if name in ('href', 'src', 'xlink:href'): href.append(value)
        if tag not in ('meta', 'link', 'br', 'img'): stack.append(tag)
    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        stack.pop()
    def handle_endtag(self, tag):
        assert stack and stack[-1] == tag, (stack[-5:], tag, self.getpos())
        stack.pop()
    def handle_data(self, data):
        if stack and stack[-1] == 'pre': commands.append(data)
        text.append(data)
reader = Reader(convert_charrefs=True)
reader.feed(page)
reader.close()
assert stack == [], stack
assert len(ids) == len(set(ids)), sorted(i for i in ids if ids.count(i) > 1)
for h in href: assert h.startswith(('#', 'data:')), h
for h in href: assert not h.startswith('#') or h[1:] in ids, h
for url in re.findall(r'https?://[^\s"\'<>]*', page):
    assert url in ('http://www.w3.org/2000/svg', 'http://www.w3.org/1999/xlink'), url
assert '<script' not in page.lower() and 'javascript' not in page.lower()
figures = {}
for f in re.findall(r'<figure id="([^"]*)"[^>]*>(.*?)</figure>', page, re.S):
    svg = re.search(r'<svg.*?</svg>', f[1], re.S)
    facts = {'caption': html.unescape(re.search(r'<figcaption>(.*?)</figcaption>', f[1], re.S)[1])}
    facts['tables'] = f[1].count('<table>')
    facts['rows'] = [[html.unescape(cell) for cell in re.findall(r'<t[hd][^>]*>(.*?)</t[hd]>', row)]
                     for row in re.findall(r'<tr>(.*?)</tr>', f[1])]
    if svg:
        root = ET.fromstring(svg[0])
        s = '{http://www.w3.org/2000/svg}'
        facts['title'] = root.find(s + 'title').text
        facts['texts'] = [''.join(t.itertext()).strip() for t in root.iter(s + 'text')]
        plots = [g for g in root.iter(s + 'g') if re.match(r'.*-plot_\d+', g.get('id', ''))]
        facts['curves'] = [t.text for g in plots for t in g.findall(s + 'title')]
        facts['plots'] = len(plots)
        facts['images'] = sum(1 for _ in root.iter(s + 'image'))
    figures[f[0]] = facts
print(json.dumps({'figures': figures, 'commands': commands, 'text': ' '.join(''.join(text).split()),
                  'bytes': len(page.encode())}))
)python";

json read_page(const Folder& folder, const std::string& file) {
  const Result result = run({"/usr/bin/python3", "-c", kReader, file}, folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  return json::parse(result.out);
}

std::vector<std::string> report(std::vector<std::string> more) {
  more.insert(more.begin(), "report");
  return program(more);
}

/// A column of metrics.csv.
std::vector<double> metrics_column(const fs::path& run, const std::string& name) {
  std::istringstream lines(slurp(run / "metrics.csv"));
  std::vector<double> column;
  std::size_t place = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    std::vector<std::string> row;
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
    if (row[0] == "update")
      place = static_cast<std::size_t>(std::find(row.begin(), row.end(), name) - row.begin());
    else
      column.push_back(std::stod(row.at(place)));
  }
  return column;
}

std::string sweep_json(const std::string& axis, const std::vector<std::string>& values,
                       const std::string& data = "squares") {
  json rows = json::array();
  for (const auto& value : values)
    for (const int step : {0, 3}) {
      const int at = axis == "steps" ? std::stoi(value) : step;
      if (axis == "steps" && step == 3) continue;
      rows.push_back({{"data", data},
                      {"value", value},
                      {"step", at},
                      {"method", "learned"},
                      {"accuracy_mean", 0.5 + 0.01 * at},
                      {"accuracy_se", 0.01},
                      {"accuracy_ci95", 0.03},
                      {"objective_mean", 0.5},
                      {"gain_mean", 0.1},
                      {"gain_se", 0.01},
                      {"seeds", 4},
                      {"seconds_per_step", at == 0 ? json(nullptr) : json(0.01)}});
    }
  return json({{"over", axis},
               {"protocol", {{"seeds", 4}, {"draws", 2}, {"layers", {8}}, {"theta", {{"update", 6}}}}},
               {"results", rows}})
      .dump();
}

/// A run with meta-validation.
void train(const Folder& folder, const std::string& name = "r") {
  IdxImages().write(folder / "data");
  const Result trained =
      run(with(tiny_training(name, "squares=data", {"--validate-steps", "0,3", "--validate-tasks", "2"}),
               "--validate-every", "3"),
          folder.path);
  CAPTURE(trained.err);
  REQUIRE(trained.code == 0);
}

const std::vector<std::pair<std::string, std::vector<std::string>>> kSweeps = {
    {"width", {"8", "16", "10000"}},
    {"activation", {"relu", "step"}},
    {"labels", {"1", "4"}},
    {"steps", {"0", "1", "10"}},
    {"permutation", {"0", "1"}}};

void evaluate(const Folder& folder) {
  const Result methods =
      run(program({"eval", "--theta", "r", "--methods", "random,pca,vae,learned", "--data", "squares=data",
                   "--steps", "0,3", "--layers", "8", "--seeds", "2", "--draws", "1", "--labels-per-class",
                   "4", "--out", "r/evaluations/methods.json"}),
          folder.path);
  CAPTURE(methods.err);
  REQUIRE(methods.code == 0);
  REQUIRE(run(program({"apply", "--theta", "r", "--data", "squares=data", "--layers", "8", "--steps", "3",
                       "--out", "r/evaluations/features-squares.h5"}),
              folder.path)
              .code == 0);
  REQUIRE(run(program({"sweep", "--theta", "r", "--over", "depth=1..3", "--over", "update=all", "--data",
                       "squares=data", "--steps", "0,3", "--layers", "8", "--seeds", "2", "--draws", "1"}),
              folder.path)
              .code == 0);
  for (const auto& [axis, values] : kSweeps)
    spill(folder / ("r/evaluations/sweep-" + axis + ".json"), sweep_json(axis, values));
  spill(folder / "r/evaluations.csv",
        "update,data,step,accuracy_mean,accuracy_se,objective_mean,objective_se,seeds\n3,squares,0,0.4,0.01,"
        "0.9,0.01,4\n3,squares,3,0.5,0.01,0.8,0.01,4\n6,squares,0,0.4,0.01,0."
        "9,0.01,4\n"
        "6,squares,3,0.6,0.01,0.7,0.01,4\n6,squares,");
}

}  // namespace

TEST_CASE(
    "a report has every figure with its title, labels, curves and intervals, and the commands of it work") {
  Folder folder;
  train(folder);
  evaluate(folder);
  const Result made = run(report({"r"}), folder.path);
  CAPTURE(made.err);
  REQUIRE(made.code == 0);
  CHECK(made.err.empty());
  CHECK(contains(made.out, "written: r/report.html"));
  const json page = read_page(folder, "r/report.html");
  CHECK(page["bytes"] < 3000000);

  const auto figure = [&](const std::string& id, const std::string& title, std::vector<std::string> texts,
                          const std::vector<std::string>& curves, int bars = 0) {
    CAPTURE(id);
    REQUIRE(page["figures"].contains(id));
    const json& f = page["figures"][id];
    REQUIRE(f.contains("title"));
    CHECK(f["title"] == title);
    texts.push_back(title);
    for (const auto& text : texts)
      CHECK_MESSAGE(std::count(f["texts"].begin(), f["texts"].end(), text) >= 1, text);
    CHECK(f["curves"].get<std::vector<std::string>>() == curves);
    CHECK(f["plots"] == curves.size() + static_cast<std::size_t>(bars));
    if (bars > 0) CHECK(contains(f["caption"].get<std::string>(), "95 % intervals"));
  };
  figure("objective", "Meta-objective of the training windows", {"updates of theta", "meta-objective"},
         {"after the last inner step of a window", "after its first inner step"});
  figure("objective-families", "Meta-objective by family of tasks", {"updates of theta", "meta-objective"},
         {"squares"});
  figure("validation-accuracy", "Few-shot accuracy, meta-validation", {"updates of theta", "accuracy"},
         {"random initialisation", "3 steps"});
  figure("validation-objective", "Meta-objective, meta-validation", {"updates of theta", "meta-objective"},
         {"random initialisation", "3 steps"});
  figure("test-objective", "Meta-objective on test data, 3 inner steps",
         {"updates of theta", "meta-objective"}, {"squares", "squares, random initialisation", "training"},
         1);
  figure("test-accuracy", "Few-shot accuracy on test data, 3 inner steps", {"accuracy"},
         {"squares", "squares, random initialisation"}, 1);
  figure("methods-0", "Few-shot accuracy on squares",
         {"accuracy", "method", "random", "pca, 3 steps", "vae, 3 steps", "learned, 3 steps *"},
         {"head: ridge", "head: ridge_cv", "head: logistic_cv"}, 3);
  figure("sweep-update", "Updates of theta: few-shot accuracy", {"updates of theta", "accuracy"},
         {"squares, 3 steps", "squares, random initialisation"}, 2);
  for (const auto& [axis, values] : kSweeps) CHECK(page["figures"].contains("sweep-" + axis));
  figure("sweep-depth", "Depth: few-shot accuracy", {"hidden layers", "accuracy"},
         {"squares, 3 steps", "squares, random initialisation"}, 2);
  figure("sweep-width", "Width: few-shot accuracy", {"units of each hidden layer"},
         {"squares, 3 steps", "squares, random initialisation"}, 2);
  figure("sweep-cost", "Width: cost of an inner step",
         {"units of each hidden layer", "seconds per inner step"}, {"squares"});
  figure("sweep-activation", "Activation: few-shot accuracy", {"relu", "step"},
         {"squares, 3 steps", "squares, random initialisation"}, 2);
  figure("sweep-steps", "Inner steps: few-shot accuracy", {"inner steps"},
         {"squares", "squares, random initialisation"}, 1);
  figure("embedding-0", "squares: representation after 3 steps", {}, {"0", "1", "2", "3"});
  for (const char* id : {"embedding-0", "moons-before", "moons-after"}) {
    const auto texts = page["figures"][id]["texts"].dump();
    CHECK(contains(texts, "component 1 ("));
    CHECK(contains(texts, "component 2 ("));
    CHECK(contains(texts, "% of the variance)"));
  }
  figure("moons-inputs", "Two moons: the inputs", {"input 1", "input 2"}, {"one moon", "the other"});
  for (const char* id : {"fields-0-0", "fields-0-1"}) CHECK(page["figures"][id]["images"] == 1);
  CHECK(page["figures"]["fields-0-0"]["title"] == "First-layer receptive fields on squares: before");
  figure("vae-0", "Variational autoencoder on squares",
         {"steps of the autoencoder", "accuracy", "objective (-ELBO, nats per example)"},
         {"accuracy (left axis)", "objective (right axis)"}, 2);
  figure("ages", "Age of the in-flight tasks", {"inner steps"},
         {"mean age", "greatest length of a new task"});
  figure("gradients", "Gradient norms", {"Euclidean norm"}, {"squares", "averaged gradient"});
  figure("tasks", "Tasks that ended", {"tasks per update"}, {"replaced", "dropped"});
  figure("rate", "Clipping and learning rate", {"share of windows clipped", "learning rate"},
         {"clipped (left axis)", "learning rate (right axis)"});
  for (const char* part :
       {"squares: ", "kernels", "hours", "theta-average", "metalearn 0.", " cores (of the newest snapshot"})
    CHECK_MESSAGE(contains(page["text"].get<std::string>(), part), part);

  // The numbers are the same as in the files.
  CHECK(page["figures"]["test-accuracy"]["rows"] ==
        json({{"updates of theta", "squares", "squares, random initialisation"},
              {"3", "0.5 ± 0.032", "0.4"},
              {"6", "0.6 ± 0.032", "0.4"}}));
  const json objective = page["figures"]["test-objective"]["rows"];
  const auto trained = metrics_column(folder / "r", "objective_last");
  CHECK(objective[1] ==
        json({"3", "0.8 ± 0.032", "0.9", fmt::format("{:.4g}", (trained[0] + trained[1] + trained[2]) / 3)}));
  CHECK(page["figures"]["sweep-width"]["rows"] ==
        json({{"units of each hidden layer", "squares, 3 steps", "squares, random initialisation"},
              {"8", "0.53 ± 0.03", "0.5 ± 0.03"},
              {"16", "0.53 ± 0.03", "0.5 ± 0.03"},
              {"1e+04", "0.53 ± 0.03", "0.5 ± 0.03"}}));
  json depths = json::array({{"hidden layers", "squares, 3 steps", "squares, random initialisation"}});
  const json swept = json::parse(slurp(folder / "r/evaluations/sweep-depth.json"))["results"];
  const auto measured = [](const json& row) {
    return fmt::format("{:.4g} ± {:.2g}", row["accuracy_mean"].get<double>(),
                       row["accuracy_ci95"].get<double>());
  };
  for (std::size_t i = 0; i < swept.size(); i += 2)
    depths.push_back({swept[i]["value"], measured(swept[i + 1]), measured(swept[i])});
  CHECK(depths.size() == 4);
  CHECK(page["figures"]["sweep-depth"]["rows"] == depths);
  CHECK(contains(page["figures"]["embedding-0"]["caption"].get<std::string>(), "Learned by r/snapshot-"));

  // Nothing is missing: only the commands that repeat the run are left.
  REQUIRE(page["commands"].size() == 2);
  CHECK(contains(page["commands"][1].get<std::string>(), "metalearn reproduce r"));
  const std::string path = (fs::path(METALEARN_PROGRAM).parent_path()).string() + ":" + std::getenv("PATH");
  for (const auto& command : page["commands"]) {
    const Result result = run({"bash", "-euc", command.get<std::string>()}, folder.path, {{"PATH", path}});
    CAPTURE(command);
    CAPTURE(result.err);
    CHECK(result.code == 0);
  }
  CHECK(slurp(folder / "r-again/config.json") == slurp(folder / "r/config.json"));
  CHECK(slurp(folder / "r-again/snapshot-00000006.h5") == slurp(folder / "r/snapshot-00000006.h5"));
}

TEST_CASE("what a run lacks is named with commands that add it") {
  Folder folder;
  train(folder);
  const fs::path out = folder / "new/folder/page.html";
  REQUIRE(run(report({"r/", "--out", out.string()}), folder.path).code == 0);
  CHECK(!fs::exists(folder / "r/report.html"));
  const json page = read_page(folder, out.string());
  for (const char* id : {"objective", "validation-accuracy", "ages", "moons-after"})
    CHECK(page["figures"].contains(id));
  for (const char* id : {"methods-0", "sweep-depth", "embedding-0", "vae-0"})
    CHECK(!page["figures"].contains(id));
  const std::string path = (fs::path(METALEARN_PROGRAM).parent_path()).string() + ":" + std::getenv("PATH");
  int evaluated = 0;
  for (std::string command : page["commands"]) {
    if (const auto steps = command.find(" --over steps=0..1000"); steps != std::string::npos) {
      command.replace(steps, 21, "");
      for (const auto& [all, one] : {std::pair{"16..10000", "16"},
                                     {"1..11", "2"},
                                     {"=all", "=step"},
                                     {"1..100", "2"},
                                     {"permutation=5", "permutation=1,2"}})
        command.replace(command.find(all), std::string(all).size(), one);
      command += " --steps 0,2 --seeds 1 --draws 1", ++evaluated;
    }
    if (contains(command, "--over update=all"))
      command += " --steps 0,2 --seeds 2 --draws 1 --layers 8", ++evaluated;
    if (const auto all = command.find("--methods all"); all != std::string::npos)
      command.replace(all, 13, "--methods random,vae,learned --steps 0,2 --seeds 2 --draws 1 --layers 8"),
          ++evaluated;
    const Result result = run({"bash", "-euc", command}, folder.path, {{"PATH", path}});
    CAPTURE(command);
    CAPTURE(result.err);
    CHECK(result.code == 0);
  }
  CHECK(evaluated == 4);  // over updates and all else, for the methods, and for the autoencoder
  CHECK(contains(page["commands"].dump(),
                 "metalearn sweep --theta r --over width=16..10000 --over depth=1..11 --over activation=all "
                 "--over labels=1..100 --over steps=0..1000 --over permutation=5 "
                 "--data squares="));
  REQUIRE(run(report({"r"}), folder.path).code == 0);
  const json more = read_page(folder, "r/report.html");
  for (const char* id : {"sweep-update", "sweep-width", "sweep-permutation", "methods-0", "embedding-0",
                         "fields-0-0", "vae-0"})
    CHECK(more["figures"].contains(id));
}

TEST_CASE("without gnuplot the numbers stand as tables, and that is said") {
  Folder folder;
  train(folder);
  evaluate(folder);
  fs::create_directories(folder / "empty");
  const Result made = run(report({"r"}), folder.path, {{"PATH", (folder / "empty").string()}});
  CHECK(made.code == 0);
  CHECK(contains(made.err, "note: gnuplot is not on PATH"));
  const json page = read_page(folder, "r/report.html");
  CHECK(contains(page["text"].get<std::string>(), "gnuplot is missing"));
  CHECK(page["figures"].size() > 20);
  for (const auto& [id, f] : page["figures"].items()) {
    CAPTURE(id);
    CHECK(!f.contains("title"));
    const bool is_picture =
        id.starts_with("fields") || id.starts_with("moons") || id.starts_with("embedding");
    CHECK(f["tables"] == (is_picture ? 0 : 1));
  }
  CHECK(contains(page["text"].get<std::string>(), "learned, 3 steps"));

  SUBCASE("one that gnuplot can't draw is a table, the others are drawn") {
    spill(folder / "picky/gnuplot",
          "#!/bin/bash\nscript=$(cat)\n[[ $script == *'Age of the in-flight tasks'* ]] && { echo 'not that "
          "one' >&2; "
          "exit 1; }\nPATH=" +
              std::string(std::getenv("PATH")) + " exec gnuplot -d <<< \"$script\"\n");
    fs::permissions(folder / "picky/gnuplot", fs::perms::owner_all);
    const Result picky =
        run(report({"r"}), folder.path, {{"PATH", (folder / "picky").string() + ":" + std::getenv("PATH")}});
    CHECK(picky.code == 0);
    CHECK(contains(picky.err,
                   "gnuplot could not draw 'Age of the in-flight tasks', a table replaces it: not that one"));
    const json figures = read_page(folder, "r/report.html")["figures"];
    CHECK(!figures["ages"].contains("title"));
    CHECK(figures["ages"]["rows"].size() == 7);
    CHECK(figures["objective"]["title"] == "Meta-objective of the training windows");
  }
  SUBCASE("nor where gnuplot fails") {
    spill(folder / "broken/gnuplot", "#!/bin/sh\necho 'no such terminal' >&2\nexit 1\n");
    fs::permissions(folder / "broken/gnuplot", fs::perms::owner_all);
    const Result failed =
        run(report({"r"}), folder.path, {{"PATH", (folder / "broken").string() + ":" + std::getenv("PATH")}});
    CHECK(failed.code == 0);
    CHECK(contains(failed.err, "no such terminal"));
    CHECK(read_page(folder, "r/report.html")["figures"]["objective"]["tables"] == 1);
  }
}

TEST_CASE("damaged files are named in their section and on stderr, the rest is shown") {
  Folder folder;
  train(folder);
  evaluate(folder);
  spill(folder / "r/evaluations/methods.json", "{\"results\": [");
  spill(folder / "r/evaluations/sweep-depth.json", sweep_json("width", {"1"}));
  spill(folder / "r/evaluations/sweep-labels.json",
        "{\"over\": \"labels\", \"results\": [{\"data\": \"squares\", \"value\": \"1\"}]}");
  spill(folder / "r/evaluations/sweep-steps.json",
        "{\"over\": \"steps\", \"results\": [], \"protocol\": {\"seeds\": " + std::string(300000, '[') +
            std::string(300000, ']') + "}}");
  checkpoints::Archive features =
      checkpoints::load_snapshot((folder / "r/evaluations/features-squares.h5").string());
  damage(folder / "r/evaluations/features-squares.h5");
  features.put("test/labels", {0}, std::vector<std::int32_t>{});
  features.put("test/features", {0, features.array("test/features").shape[1]}, std::vector<float>{});
  checkpoints::save_snapshot((folder / "r/evaluations/features-none.h5").string(), features);
  spill(folder / "r/evaluations.csv", "update,data\n1,squares\n");
  spill(folder / "r/config.json", "[]");
  std::string metrics = slurp(folder / "r/metrics.csv");
  spill(folder / "r/metrics.csv", metrics + "7,x\n8,0.5");
  damage(snapshots(folder / "r").back());
  const Result made = run(report({"r"}), folder.path);
  CHECK(made.code == 0);
  const json page = read_page(folder, "r/report.html");
  const std::string text = page["text"];
  for (const char* file : {"r/evaluations/methods.json", "r/evaluations/sweep-depth.json",
                           "r/evaluations/sweep-labels.json", "r/evaluations/sweep-steps.json",
                           "r/evaluations/features-squares.h5", "r/evaluations/features-none.h5",
                           "r/evaluations.csv", "r/config.json", "r/metrics.csv", "r/snapshot-00000006.h5"}) {
    CAPTURE(file);
    CHECK(contains(made.err, std::string("note: ") + file));
    CHECK(contains(text, file));
  }
  for (const char* id : {"objective", "sweep-width", "sweep-activation", "moons-after", "ages"})
    CHECK(page["figures"].contains(id));
  for (const char* id : {"methods-0", "sweep-depth", "sweep-labels", "embedding-0", "test-accuracy"})
    CHECK(!page["figures"].contains(id));
}

TEST_CASE("what happened to the files of a run is said, not taken for a run that did nothing") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("r", "squares=data",
                            {"--eval-data", "seen=data", "--eval-every", "3", "--eval-steps", "0,2,5",
                             "--eval-seeds", "2"}),
              folder.path)
              .code == 0);
  const std::string metrics = slurp(folder / "r/metrics.csv"),
                    evaluations = slurp(folder / "r/evaluations.csv");
  const auto lacks = [&](const char* part) {
    CAPTURE(part);
    const Result made = run(report({"r"}), folder.path);
    CAPTURE(made.err);
    CHECK(made.code == 0);
    CHECK(contains(made.err, std::string("note: ") + part));
    const json page = read_page(folder, "r/report.html");
    CHECK(contains(page["text"].get<std::string>(), part));
    CHECK(!contains(page["text"].get<std::string>(), "no update of theta is done"));
    return page;
  };
  fs::remove(folder / "r/metrics.csv");
  CHECK(contains(
      lacks("r/metrics.csv: it has no rows, but the newest snapshot is of update 6")["commands"].dump(),
      "metalearn verify r"));
  REQUIRE(mkfifo((folder / "r/metrics.csv").c_str(), 0600) == 0);  // would be waited for
  lacks("r/metrics.csv: is not a file");
  fs::remove(folder / "r/metrics.csv");
  spill(folder / "r/metrics.csv", metrics.substr(0, metrics.find("\n4,") + 1));
  CHECK(lacks("r/metrics.csv: it ends with update 3, but the newest snapshot is of update 6")["figures"]
            .contains("objective"));
  std::string gap = metrics;
  gap.erase(gap.find("\n4,"), gap.find("\n5,") - gap.find("\n4,"));
  spill(folder / "r/metrics.csv", gap);
  lacks("r/metrics.csv: update 3 is followed by update 5");
  std::string renamed = metrics;
  renamed.replace(renamed.find("mean_age"), 8, "mean_old");
  spill(folder / "r/metrics.csv", renamed);
  lacks("r/metrics.csv: there is no column mean_age");
  spill(folder / "r/metrics.csv", metrics);
  spill(folder / "r/evaluations.csv", evaluations.substr(0, evaluations.find("\n6,") + 1));
  CHECK(lacks("r/evaluations.csv: has no evaluation of update 6")["figures"].contains("test-accuracy"));
  spill(folder / "r/evaluations.csv", evaluations.substr(0, evaluations.find('\n') + 1));
  CHECK(contains(lacks("r/evaluations.csv: has no evaluation of update 6")["commands"].dump(),
                 "--over update=all"));

  // Other evaluation steps since a resume, and another set that has only those.
  spill(folder / "r/evaluations.csv", evaluations);
  REQUIRE(run(program({"resume", "r", "--updates", "9", "--eval-data", "seen=data", "--eval-data",
                       "more=data", "--eval-steps", "0,2", "--eval-seeds", "3"}),
              folder.path)
              .code == 0);
  REQUIRE(run(report({"r"}), folder.path).code == 0);
  const json figure = read_page(folder, "r/report.html")["figures"]["test-accuracy"];
  CHECK(figure["title"] == "Few-shot accuracy on test data, 2 inner steps");
  CHECK(figure["curves"] ==
        json({"seen", "seen, random initialisation", "more", "more, random initialisation"}));
  CHECK(contains(figure["caption"].get<std::string>(), "Not drawn: evaluations after 5 steps"));
  CHECK(contains(figure["caption"].get<std::string>(), "over seeds (2 or 3)"));
  REQUIRE(figure["rows"].size() == 4);
  for (int update = 1; update <= 3; ++update) {
    CHECK(figure["rows"][update][1] != "");
    CHECK((figure["rows"][update][3] == "") == (update < 3));
  }
}

TEST_CASE("a run without validations is told how to have them, one that is done how to go on") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(with(tiny_training("r", "squares=data"), "--validate-every", "0"), folder.path).code == 0);
  const std::string path = (fs::path(METALEARN_PROGRAM).parent_path()).string() + ":" + std::getenv("PATH");
  const auto follow = [&](const std::string& name, const char* part) {
    REQUIRE(run(report({name}), folder.path).code == 0);
    const json page = read_page(folder, name + "/report.html");
    for (const std::string command : page["commands"])
      if (contains(command, part)) {
        CAPTURE(command);
        const Result result = run({"bash", "-euc", command}, folder.path, {{"PATH", path}});
        CAPTURE(result.err);
        CHECK(result.code == 0);
        return;
      }
    FAIL("no such command");
  };
  follow("r", "metalearn train --run r-validated");
  CHECK(json::parse(slurp(folder / "r-validated/config.json"))["validate-every"] == "6");
  REQUIRE(run(report({"r-validated"}), folder.path).code == 0);
  CHECK(read_page(folder, "r-validated/report.html")["figures"].contains("validation-accuracy"));
  REQUIRE(run(with(tiny_training("late", "squares=data"), "--validate-every", "10"), folder.path).code == 0);
  follow("late", "metalearn resume late --updates 10");
  REQUIRE(run(report({"late"}), folder.path).code == 0);
  CHECK(read_page(folder, "late/report.html")["figures"].contains("validation-accuracy"));

  const Result here = run(report({"."}), folder / "r");  // named from within
  CHECK(here.code == 0);
  const json page = read_page(folder, "r/report.html");
  CHECK(contains(page["text"].get<std::string>(), "Report of r"));
  CHECK(contains(page["commands"].dump(), "metalearn train --run ./../r-again"));
}

TEST_CASE("names are shown as they are, whatever they hold") {
  Folder folder;
  const std::string name = "a <b> & \"c\" 'd' `e` \\f $g #h @i";
  train(folder);
  evaluate(folder);
  fs::rename(folder / "r", folder / name);
  spill(folder / name / "evaluations/sweep-depth.json",
        sweep_json("depth", {"1", "2"}, name + " \xee\x80\x81 \x1b\xc3\xa9"));
  const Result made = run(report({name}), folder.path);
  CAPTURE(made.err);
  REQUIRE(made.code == 0);
  const json page = read_page(folder, (folder / name / "report.html").string());
  CHECK(contains(page["text"].get<std::string>(), "Report of " + name));
  CHECK(page["figures"]["sweep-depth"]["curves"][0] == name + " ? \\x1b\xc3\xa9, 3 steps");
  const auto texts = page["figures"]["sweep-depth"]["texts"];
  CHECK(std::count(texts.begin(), texts.end(), name + " ? \\x1b\xc3\xa9, 3 steps") == 1);
  bool quoted = false;
  for (std::string command : page["commands"])
    if (contains(command, "reproduce")) {
      quoted = true;
      CHECK(run({"bash", "-euc", "printf '%s' " + command.substr(std::string("metalearn reproduce ").size())},
                folder.path)
                .out == name);
    }
  CHECK(quoted);
}

TEST_CASE("a report needs a run directory; a run of which nothing is done yet has one too") {
  Folder folder;
  fs::create_directories(folder / "empty");
  spill(folder / "file", "");
  const auto refused = [&](std::vector<std::string> words, int code, const std::string& part) {
    const Result result = run(report(std::move(words)), folder.path);
    CAPTURE(result.err);
    CHECK(result.code == code);
    CHECK(contains(result.err, part));
    CHECK(result.out.empty());
  };
  refused({}, 64, "no run directory");
  refused({"nothing"}, 66, "nothing: no such file or folder");
  refused({"empty"}, 66, "empty: is not a run directory");
  refused({"file"}, 66, "file: no such folder");
  CHECK(fs::is_empty(folder / "empty"));
  IdxImages().write(folder / "data");
  REQUIRE(run(with(tiny_training("r", "squares=data"), "--updates", "1"), folder.path).code == 0);
  refused({"r", "--out", "empty"}, 64, "--out 'empty'");
  refused({"r", "--out", "/dev/null"}, 64,
          "--out /dev/null: cannot be overwritten: it is not a regular file");
  fs::create_symlink("r/metrics.csv", folder / "in.html");
  for (const char* out :
       {"r/metrics.csv", "in.html", "r/snapshot-00000001.h5", "r/snapshot-00000001.h5.damaged",
        "r/window-7.journal", "r/events.out.tfevents.1.metalearn", "r/manifest.json"})
    refused({"r", "--out", out}, 64, "a run keeps its state there");
  fs::create_symlink("page.html", folder / "link.html");
  refused({"r", "--out", "link.html"}, 64, "a dangling link");
  spill(folder / "page.html", "");
  REQUIRE(run(report({"r", "--out", "link.html"}), folder.path).code == 0);
  spill(folder / "own.html", "mine");
  refused({"r", "--out", "own.html"}, 64,
          "the existing file is not a page of report that this program wrote; name another file");
  CHECK(fs::is_symlink(folder / "link.html"));
  CHECK(contains(slurp(folder / "page.html"), "</html>"));
  refused({"r", "--out", "file/x.html"}, 74, "file");
  for (const auto& snapshot : snapshots(folder / "r")) fs::remove(snapshot);
  fs::remove(folder / "r/metrics.csv");
  const Result made = run(report({"r"}), folder.path);
  CHECK(made.code == 0);
  const json page = read_page(folder, "r/report.html");
  CHECK(page["figures"].empty());
  CHECK(contains(page["text"].get<std::string>(), "metrics.csv has no rows"));
  CHECK(contains(page["commands"].dump(), "metalearn resume r"));
}

TEST_CASE("a run may train meanwhile") {
  Folder folder;
  IdxImages().write(folder / "data");
  auto words = with(tiny_training("r", "squares=data"), "--updates", "100000");
  Child training(with(words, "--save-every", "1"), folder.path);
  for (int i = 0; i < 600 && (snapshots(folder / "r").size() < 2 || !fs::exists(folder / "r/metrics.csv"));
       ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  for (int i = 0; i < 3; ++i) {
    const Result made = run(report({"r"}), folder.path);
    CAPTURE(made.err);
    CHECK(made.code == 0);
    CHECK(made.err.empty());
    CHECK(read_page(folder, "r/report.html")["figures"].contains("objective"));
  }
  CHECK(training.running());
  training.kill(SIGTERM);
  CHECK(training.wait().code == 143);
}
