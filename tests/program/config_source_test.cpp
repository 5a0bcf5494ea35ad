// Where a run's configuration comes from: command line > environment > file > preset.
#include <nlohmann/json.hpp>

#include "program_fixture.hpp"

using namespace program_test;

namespace {

/// config.json of a run started with these extra words; the run does as little as a run can.
nlohmann::json config_of(const Folder& folder, const std::vector<std::string>& more,
                         const Environment& environment = {}) {
  static int runs = 0;
  const std::string name = "run" + std::to_string(runs++);
  const Result result = run(tiny_training(name, "squares=data", more), folder.path, environment);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  return nlohmann::json::parse(slurp(folder / (name + "/config.json")));
}

/// A training of one update that leaves windows and lengths to `more`.
std::vector<std::string> smallest_training(const std::string& more) {
  return program(
      split("train --run r --data squares=data --updates 1 --tasks 1 --batch 8 --h-size 4 --top-size 4 "
            "--delta-size 2 --grad-channels 1 --validate-every 0 " +
            more));
}

}  // namespace

TEST_CASE("the command line wins over the environment, that over the file, that over the preset") {
  Folder folder;
  IdxImages().write(folder / "data");
  spill(folder / "keys.conf",
        "# lower than the environment\nclip = 3   # a comment\nclip-task = 3\nmeta-rate=0.003\npreset = "
        "paper\n");
  spill(folder / "keys.json", R"({"clip": 4, "identical-updates": false, "validate-steps": [0, 2]})");

  const auto layered = config_of(folder, {"--config", "keys.conf", "--clip", "5"},
                                 {{"METALEARN_CLIP", "4"}, {"METALEARN_CLIP_TASK", "4"}});
  CHECK(layered["clip"] == "5");
  CHECK(layered["clip-task"] == "4");
  CHECK(layered["meta-rate"] == "0.003");
  CHECK(layered["preset"] == "paper");
  CHECK(layered["inner-rate"] == "0.0001");  // of the preset that the file names

  const auto json = config_of(folder, {"--config", "keys.json"});
  CHECK(json["clip"] == "4");
  CHECK(json["identical-updates"] == "false");
  CHECK(json["validate-steps"] == "0,2");
  CHECK(json["preset"] == "small");
}

TEST_CASE("variables that others set under this program's name say nothing; a slip in a key is refused") {
  Folder folder;
  IdxImages().write(folder / "data");
  const Environment platform = {{"METALEARN_SERVICE_HOST", "10.0.0.1"},
                                {"METALEARN_SERVICE_PORT", "8080"},
                                {"METALEARN_SERVICE_PORT_HTTP", "8080"},
                                {"METALEARN_PORT", "tcp://10.0.0.1:8080"},
                                {"METALEARN_PORT_8080_TCP", "tcp://10.0.0.1:8080"},
                                {"METALEARN_PORT_8080_TCP_ADDR", "10.0.0.1"},
                                {"METALEARN_PORT_8080_TCP_PORT", "8080"},
                                {"METALEARN_PORT_8080_TCP_PROTO", "tcp"},
                                {"METALEARN_HOME", "/opt/metalearn"},
                                {"METALEARN_VERSION", "1"}};
  CHECK(config_of(folder, {}, platform) == config_of(folder, {}));
  for (const char* slip : {"METALEARN_TREADS", "METALEARN_INNER_RATES", "METALEARN_UPDATE"}) {
    CAPTURE(slip);
    const Result result = run(tiny_training("slip", "squares=data"), folder.path, {{slip, "2"}});
    CHECK(result.code == 64);
    CHECK(contains(result.err, std::string(slip) + ": "));
    CHECK(contains(result.err, "did you mean"));
  }
}

TEST_CASE("an empty configuration file says nothing, and one that nests without end is refused") {
  Folder folder;
  IdxImages().write(folder / "data");
  spill(folder / "empty.conf", "");
  CHECK(config_of(folder, {"--config", "empty.conf"})["preset"] == "small");
  spill(folder / "deep.json", "{\"data\": " + std::string(400000, '[') + std::string(400000, ']') + "}");
  const Result result = run(program({"train", "--run", "r", "--config", "deep.json"}), folder.path);
  CHECK(result.code == 64);
  CHECK(contains(result.err, "deep.json: starts with '{' but is not a JSON object"));
}

TEST_CASE("data folders are kept as absolute paths, and unroll sets windows and lengths") {
  Folder folder;
  IdxImages().write(folder / "data");
  const Result result = run(smallest_training("--unroll 2 --in-flight 1 --width-max 24"), folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  const auto config = nlohmann::json::parse(slurp(folder / "r/config.json"));
  CHECK(config["data"] == "squares=" + (folder / "data").string());
  for (const char* key : {"window-min", "window-max", "length-min", "length-max", "length-start"})
    CHECK(config[key] == "2");
}

TEST_CASE("the stronger of two sources wins where unroll meets windows, or bounds are in the wrong order") {
  Folder folder;
  IdxImages().write(folder / "data");
  spill(folder / "unroll.conf", "unroll = 2\n");
  spill(folder / "window.conf", "window-min = 9\n");
  const auto longer =
      config_of(folder, {"--config", "unroll.conf"});  // whose command line says window and length
  CHECK(longer["window-max"] == "3");
  CHECK(longer["length-max"] == "6");
  const Result result = run(smallest_training("--config window.conf --unroll 2"), folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  const auto config = nlohmann::json::parse(slurp(folder / "r/config.json"));
  for (const char* key : {"window-min", "window-max", "length-min", "length-max", "length-start"})
    CHECK(config[key] == "2");
  CHECK(config["in-flight"] == "4");  // follows tasks
}

TEST_CASE("a run's config.json is a configuration file that gives the same configuration") {
  Folder folder;
  IdxImages().write(folder / "a, b");
  REQUIRE(run(tiny_training("first", "squares=a, b", {"--validate-steps", "0,3", "--activation", "tanh"}),
              folder.path)
              .code == 0);
  const Result result =
      run(program({"train", "--run", "second", "--config", "first/config.json"}), folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(slurp(folder / "second/config.json") == slurp(folder / "first/config.json"));
}
