// The program's help and version.
#include "metalearn/config/config.hpp"
#include "program_fixture.hpp"
#include "tools/commands/commands.hpp"

#include "metalearn/config/config_key.hpp"

using namespace program_test;

TEST_CASE("help names every command and every exit code") {
  Folder folder;
  REQUIRE(tools::commands().size() > 10);
  for (const char* word : {"--help", "-h", "help"}) {
    const Result result = run(program({word}), folder.path);
    CHECK(result.code == 0);
    CHECK(result.err.empty());
    for (const auto* command : tools::commands()) {
      CAPTURE(command->name);
      CHECK(contains(result.out, std::string("\n  ") + command->name + " "));
      CHECK(contains(result.out, std::string("  ") + command->summary + "\n"));
    }
    for (const char* code : {" 0 ok", " 1 a", " 2 diverged", " 64 ", " 65 ", " 66 ", " 70 ", "71 ", " 74 ",
                             " 75 ", " 76 ", "129/130/143"})
      CHECK(contains(result.out, code));
  }
}

TEST_CASE("each command has a short and a full help, and needs nothing else for it") {
  Folder folder;
  for (const auto* command : tools::commands()) {
    CAPTURE(command->name);
    CHECK((command->usage().synopsis + " ").starts_with(std::string("metalearn ") + command->name + " "));
    const Result brief = run(program({command->name, "-h"}), folder.path),
                 full = run(program({command->name, "--help"}), folder.path);
    CHECK(brief.code == 0);
    CHECK(full.code == 0);
    CHECK(contains(brief.out, "usage: " + command->usage().synopsis + "\n"));
    CHECK(contains(full.out, command->usage().notes));
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
