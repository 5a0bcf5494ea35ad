// What the program says of itself.
#include "metalearn/config/config.hpp"
#include "program_fixture.hpp"

#include "metalearn/config/config_key.hpp"

using namespace program_test;

TEST_CASE("help names every command and every exit code") {
  Folder folder;
  for (const char* word : {"--help", "-h", "help"}) {
    const Result result = run(program({word}), folder.path);
    CHECK(result.code == 0);
    CHECK(result.err.empty());
    for (const char* part :
         {"train",  "resume", "eval",      "sweep", "apply",    "data",   "import",  "export", "inspect",
          "verify", "diff",   "reproduce", "plan",  "gradient", "report", "vectors", "doctor", "64",
          "65",     "66",     "70",        "71",    "74",       "75",     "76",      "130"})
      CHECK(contains(result.out, part));
  }
}

TEST_CASE("each command has a short and a full help, and needs nothing else for it") {
  Folder folder;
  for (const char* command :
       {"train", "resume", "eval", "sweep", "apply", "data", "import", "export", "inspect", "verify", "diff",
        "reproduce", "plan", "gradient", "report", "vectors", "doctor"}) {
    CAPTURE(command);
    const Result brief = run(program({command, "-h"}), folder.path),
                 full = run(program({command, "--help"}), folder.path);
    CHECK(brief.code == 0);
    CHECK(full.code == 0);
    CHECK(contains(brief.out, std::string("usage: metalearn ") + command));
    CHECK(full.out.size() >= brief.out.size());
  }
}

TEST_CASE("the full help of train has every configuration key with its default in brackets") {
  Folder folder;
  const std::string help = run(program({"train", "--help"}), folder.path).out;
  const auto defaults = metalearn::Config::from_preset("small").to_map();
  for (const auto& key : metalearn::config_keys()) {
    CAPTURE(key.name);
    CHECK(contains(help, "--" + key.name + " "));
    if (!key.is_shorthand())
      CHECK(contains(help, "[" + (defaults.at(key.name).empty() ? "none" : defaults.at(key.name)) + "]"));
  }
}

TEST_CASE("the version is printed") {
  Folder folder;
  const Result result = run(program({"--version"}), folder.path);
  CHECK(result.code == 0);
  CHECK(result.out.rfind("metalearn ", 0) == 0);
}

TEST_CASE("an output that can't be written is an input/output error") {
  Folder folder;
  const Result result =
      run({"sh", "-c", std::string("'") + METALEARN_PROGRAM + "' --help > /dev/full"}, folder.path);
  CHECK(result.code == 74);
}

TEST_CASE("doctor names the instruction set and the libraries") {
  Folder folder;
  const Result result = run(program({"doctor"}), folder.path);
  CHECK(result.code == 0);
  for (const char* part : {"cores", "memory", "kernels", "HDF5", "oneTBB", "Boost", "glyph"})
    CHECK(contains(result.out, part));
  CHECK(contains(run(program({"doctor", "--json"}), folder.path, {{"METALEARN_ISA", "scalar"}}).out,
                 "\"kernels\": \"scalar\""));
}
