// The README's commands work: its `sh` and `python` blocks run, in order, in a folder that looks like a clone
// with a user's data beside it.
#include "program_fixture.hpp"

using namespace program_test;

namespace {

struct Block {
  std::string language, text;
};

std::vector<Block> blocks(const std::string& markdown) {
  std::vector<Block> found;
  std::istringstream lines(markdown);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("```", 0) != 0) {
      if (inside) found.back().text += line + "\n";
      continue;
    }
    inside = !inside;
    if (inside) found.push_back({line.substr(3), ""});
  }
  return found;
}

/// The two commands that set up and build: tools/demo runs in the slow suite, tools/test is what runs this.
bool sets_up(const std::string& text) { return text == "tools/demo\n" || text == "tools/test\n"; }

}  // namespace

TEST_CASE("every command of the README runs, and its Python reads a theta") {
  const auto all = blocks(slurp(fs::path(METALEARN_SOURCE) / "README.md"));
  Folder folder;
  fs::create_directories(folder / "build/release/tools");
  fs::create_symlink(METALEARN_PROGRAM, folder / "build/release/tools/metalearn");
  fs::create_symlink(fs::path(METALEARN_SOURCE) / "tools", folder / "tools");
  IdxImages().write(folder / "my-images");
  // What the README leaves to the preset is made small; it never says these keys itself.
  const Environment small = {
      {"METALEARN_UPDATES", "2"},    {"METALEARN_TASKS", "1"},         {"METALEARN_IN_FLIGHT", "2"},
      {"METALEARN_WINDOW_MIN", "1"}, {"METALEARN_WINDOW_MAX", "2"},    {"METALEARN_LENGTH_MIN", "2"},
      {"METALEARN_LENGTH_MAX", "4"}, {"METALEARN_H_SIZE", "4"},        {"METALEARN_TOP_SIZE", "4"},
      {"METALEARN_DELTA_SIZE", "2"}, {"METALEARN_GRAD_CHANNELS", "1"}, {"METALEARN_REPRESENTATION", "8"},
      {"METALEARN_BATCH", "8"},      {"METALEARN_CLASSES_MAX", "4"},   {"METALEARN_VALIDATE_EVERY", "0"}};
  int commands = 0, scripts = 0;
  for (const auto& block : all) {
    CAPTURE(block.text);
    if (block.language == "sh" && sets_up(block.text)) {
      CHECK(access((folder / block.text.substr(0, block.text.size() - 1)).c_str(), X_OK) == 0);
      continue;
    }
    if (block.language != "sh" && block.language != "python") continue;
    const bool shell = block.language == "sh";
    ++(shell ? commands : scripts);
    const Result result = shell ? run({"bash", "-euc", block.text}, folder.path, small)
                                : run({"/usr/bin/python3", "-c", block.text}, folder.path);
    CAPTURE(result.err);
    CHECK(result.code == 0);
  }
  CHECK(commands >= 2);
  CHECK(scripts == 2);
}

TEST_CASE("the README names every exit code that help names, and every top-level folder") {
  const std::string readme = slurp(fs::path(METALEARN_SOURCE) / "README.md");
  for (const char* part :
       {"| 0 |", "| 1 |", "| 2 |", "| 64 |", "| 65 |", "| 66 |", "| 70 |", "| 71 |", "| 74 |", "| 75 |",
        "| 76 |", "autodiff/", "checkpoints/", "metalearn/", "tools/", "tests/", "bench/"}) {
    CAPTURE(part);
    CHECK(contains(readme, part));
  }
}

TEST_CASE("every picture that the README shows is there") {
  const std::string readme = slurp(fs::path(METALEARN_SOURCE) / "README.md");
  std::size_t at = 0;
  int pictures = 0;
  while ((at = readme.find("![", at)) != std::string::npos) {
    const auto open = readme.find("](", at) + 2, close = readme.find(')', open);
    const std::string path = readme.substr(open, close - open);
    CAPTURE(path);
    CHECK(fs::file_size(fs::path(METALEARN_SOURCE) / path) > 0);
    ++pictures;
    at = close;
  }
  CHECK(pictures > 0);
}
