// The pages hold: their `sh` and `python` blocks run, in order, in a folder that looks like a clone with a
// user's data next to it. A block that would take too long is marked in its first line, ```sh skip: REASON.
// For these blocks, indented commands and commands within sentences, the named options, scripts and presets
// must exist. A `cpp` block names the file that it quotes.
#include <algorithm>
#include <cctype>
#include <set>

#include "program_fixture.hpp"

using namespace program_test;

namespace {

struct Block {
  std::string language, note, text;  ///< "sh", "skip: ...", the lines
};

struct Page {
  std::string name;  ///< path from the top folder
  std::vector<Block> blocks;
  std::vector<std::string> mentioned;  ///< commands that are not run: indented, or in backticks
};

std::vector<std::string> in_backticks(const std::string& line) {
  std::vector<std::string> found;
  for (std::size_t open = line.find('`'); open != std::string::npos;) {
    const auto close = line.find('`', open + 1);
    if (close == std::string::npos) break;
    found.push_back(line.substr(open + 1, close - open - 1));
    open = line.find('`', close + 1);
  }
  return found;
}

Page parse(const std::string& name, const std::string& markdown) {
  Page page{name, {}, {}};
  std::istringstream lines(markdown);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("```", 0) == 0) {
      inside = !inside;
      if (!inside) continue;
      const auto space = std::min(line.find(' '), line.size());
      page.blocks.push_back({line.substr(3, space - 3), line.substr(std::min(space + 1, line.size())), ""});
    } else if (inside) {
      page.blocks.back().text += line + "\n";
    } else if (line.rfind("    ", 0) == 0) {
      page.mentioned.push_back(line.substr(4));
    } else {
      for (auto& span : in_backticks(line)) page.mentioned.push_back(std::move(span));
    }
  }
  return page;
}

/// Every page of the project, in reading order: a run that one page makes is used by the next.
const std::vector<Page>& pages() {
  static const std::vector<Page> all = [] {
    const fs::path root = METALEARN_SOURCE;
    std::vector<std::string> names = {"README.md", "tools/README.md"}, others;
    for (auto entry = fs::recursive_directory_iterator(root); entry != fs::recursive_directory_iterator();
         ++entry) {
      const std::string name = entry->path().filename();
      if (entry.depth() == 0 && (name == "build" || name == "runs" || name[0] == '.'))
        entry.disable_recursion_pending();
      else if (entry->path().extension() == ".md")
        others.push_back(entry->path().lexically_relative(root));
    }
    std::sort(others.begin(), others.end());
    for (const auto& name : others)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    std::vector<Page> found;
    for (const auto& name : names) found.push_back(parse(name, slurp(root / name)));
    return found;
  }();
  return all;
}

bool skipped(const Block& block) { return block.note.rfind("skip: ", 0) == 0; }

bool shown(const std::string& language) { return language == "text"; }

/// The help of `metalearn COMMAND`; empty if there is no such command.
const std::string& help_of(const std::string& command) {
  static std::map<std::string, std::string> known;
  const auto [entry, fresh] = known.try_emplace(command);
  if (fresh) {
    Folder folder;
    const Result help = run(program({command, "--help"}), folder.path);
    if (help.code == 0) entry->second = help.out + " ";
    if (command == "plan") entry->second += run(program({"plan", "--training", "--help"}), folder.path).out;
  }
  return entry->second;
}

bool has_option(const std::string& help, const std::string& option) {
  for (auto at = help.find(option); at != std::string::npos; at = help.find(option, at + 1)) {
    const char next = at + option.size() < help.size() ? help[at + option.size()] : ' ';
    if (!std::isalnum(static_cast<unsigned char>(next)) && next != '-') return true;
  }
  return false;
}

/// The commands of a line, each as words: comments, redirections and variables in front left out.
std::vector<std::vector<std::string>> commands_of(std::string line) {
  for (const std::string& separator : std::vector<std::string>{"&&", "||", "|", ";", "$("})
    for (auto at = line.find(separator); at != std::string::npos; at = line.find(separator))
      line.replace(at, separator.size(), "\n");
  std::vector<std::vector<std::string>> found;
  std::istringstream parts(line);
  for (std::string part; std::getline(parts, part);) {
    std::istringstream text(part);
    std::vector<std::string> words;
    for (std::string word; text >> word && word[0] != '#';) {
      const bool variable = words.empty() && word.find('=') != std::string::npos;
      if (!variable && !(words.empty() && (word == "time" || word == "sudo"))) words.push_back(word);
    }
    if (!words.empty()) found.push_back(words);
  }
  return found;
}

/// A missing thing that a command names; empty if all exist, or it is not a command of this project.
std::string missing(const std::vector<std::string>& words) {
  const std::string& first = words[0];
  if (first == "metalearn" || first == "build/release/tools/metalearn") {
    if (words.size() < 2 || !std::islower(static_cast<unsigned char>(words[1][0]))) return "";
    const std::string& help = help_of(words[1]);
    if (help.empty()) return "metalearn " + words[1];
    for (std::size_t i = 2; i < words.size(); ++i) {
      const auto end = words[i].find_first_not_of("abcdefghijklmnopqrstuvwxyz-0123456789");
      const std::string option = words[i].substr(0, end);
      if (option.size() > 2 && option.rfind("--", 0) == 0 && option != "--help" && !has_option(help, option))
        return "metalearn " + words[1] + " " + option;
    }
    return "";
  }
  const fs::path root = METALEARN_SOURCE;
  if (first == "cmake" || first == "ctest") {
    const auto preset = std::find(words.begin(), words.end(), "--preset");
    if (preset == words.end() || preset + 1 == words.end()) return "";
    const std::string& name = *(preset + 1);
    const bool placeholder = std::isupper(static_cast<unsigned char>(name[0]));
    return placeholder || contains(slurp(root / "CMakePresets.json"), "\"name\": \"" + name + "\"")
               ? ""
               : "preset " + name;
  }
  const std::string& script = (first == "python3" || first == "bash") && words.size() > 1 ? words[1] : first;
  for (const char* folder : {"tools/", "tests/", "bench/"})
    if (script.rfind(folder, 0) == 0 && words.size() + (first != script) > 1 &&
        script.find_first_of("*{<") == std::string::npos && !fs::exists(root / script))
      return script;
  return "";
}

template <class T>
std::string listed(const std::set<T>& all) {
  std::ostringstream text;
  for (const T& one : all) text << one << ' ';
  return text.str();
}

/// The numbers of the first column of the table under a heading.
std::set<int> first_column(const std::string& page, const std::string& heading) {
  std::set<int> found;
  const auto begin = page.find("\n## " + heading + "\n");
  if (begin == std::string::npos) return found;
  std::istringstream lines(page.substr(begin + 1, page.find("\n## ", begin + 1) - begin));
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("| ", 0) != 0 || !std::isdigit(static_cast<unsigned char>(line[2]))) continue;
    std::istringstream cell(line.substr(2, line.find('|', 2) - 2));
    for (std::string number; std::getline(cell, number, ',');) found.insert(std::stoi(number));
  }
  return found;
}

}  // namespace

TEST_CASE("every command and script of the pages runs") {
  Folder folder;
  for (const auto& entry : fs::directory_iterator(METALEARN_SOURCE)) {
    const std::string name = entry.path().filename();
    if (name != "build" && name != "runs" && name[0] != '.') fs::create_symlink(entry.path(), folder / name);
  }
  fs::create_directories(folder / "build/release/tools");
  fs::create_symlink(METALEARN_PROGRAM, folder / "build/release/tools/metalearn");
  IdxImages().write(folder / "my-images");
  // Keys that the pages leave to the preset get small values; pages never set these keys.
  const Environment small = {
      {"METALEARN_UPDATES", "2"},    {"METALEARN_TASKS", "1"},         {"METALEARN_IN_FLIGHT", "2"},
      {"METALEARN_WINDOW_MIN", "1"}, {"METALEARN_WINDOW_MAX", "2"},    {"METALEARN_LENGTH_MIN", "2"},
      {"METALEARN_LENGTH_MAX", "4"}, {"METALEARN_H_SIZE", "4"},        {"METALEARN_TOP_SIZE", "4"},
      {"METALEARN_DELTA_SIZE", "2"}, {"METALEARN_GRAD_CHANNELS", "1"}, {"METALEARN_REPRESENTATION", "8"},
      {"METALEARN_BATCH", "8"},      {"METALEARN_CLASSES_MAX", "4"},   {"METALEARN_VALIDATE_EVERY", "0"}};
  std::map<std::string, int> ran;
  for (const Page& page : pages()) {
    CAPTURE(page.name);
    for (const Block& block : page.blocks) {
      CAPTURE(block.text);
      if (skipped(block)) {
        CHECK_MESSAGE(block.note.size() > 15, "a skipped block says why");
        MESSAGE(page.name << ", not run (" << block.note.substr(6) << "): " << block.text);
        continue;
      }
      if (block.language == "cpp") {
        CHECK_MESSAGE(contains(slurp(fs::path(METALEARN_SOURCE) / block.note), block.text),
                      "not a quotation from " << block.note);
        ++ran["cpp"];
        continue;
      }
      if (shown(block.language)) continue;
      REQUIRE_MESSAGE((block.language == "sh" || block.language == "python"),
                      "a block of the language '" << block.language << "' is not tested");
      const bool shell = block.language == "sh";
      const Result result = shell ? run({"bash", "-euc", block.text}, folder.path, small)
                                  : run({"/usr/bin/python3", "-c", block.text}, folder.path);
      CAPTURE(result.err);
      CHECK(result.code == 0);
      ++ran[block.language];
    }
  }
  CHECK(ran["sh"] >= 17);
  CHECK(ran["python"] >= 3);
  CHECK(ran["cpp"] >= 1);
}

TEST_CASE("every option, script and preset that a page names exists") {
  int checked = 0;
  for (const Page& page : pages()) {
    CAPTURE(page.name);
    std::vector<std::string> lines = page.mentioned;
    for (const Block& block : page.blocks)
      if (skipped(block)) {
        std::istringstream text(block.text);
        for (std::string line; std::getline(text, line);) lines.push_back(line);
      }
    for (const auto& line : lines)
      for (const auto& words : commands_of(line)) {
        CAPTURE(line);
        CHECK(missing(words) == "");
        ++checked;
      }
  }
  CHECK(checked > 100);
  CHECK(missing({"metalearn", "train", "--no-such-option", "x"}) == "metalearn train --no-such-option");
  CHECK(missing({"metalearn", "paint"}) == "metalearn paint");
  CHECK(missing({"tools/nothing", "slow"}) == "tools/nothing");
  CHECK(missing({"cmake", "--preset", "nothing"}) == "preset nothing");
}

TEST_CASE("one page has the exit codes, and they are those that help names") {
  Folder folder;
  const std::string help = run(program({"--help"}), folder.path).out;
  std::set<int> said;
  const auto begin = help.find("Exit codes:");
  REQUIRE(begin != std::string::npos);
  for (std::size_t at = begin; at < help.size();) {
    if (!std::isdigit(static_cast<unsigned char>(help[at]))) {
      ++at;
      continue;
    }
    std::size_t digits = 0;
    said.insert(std::stoi(help.substr(at), &digits));
    at += digits;
  }
  CHECK(listed(said) == "0 1 2 64 65 66 70 71 74 75 76 129 130 143 ");
  int tables = 0;
  for (const Page& page : pages()) {
    const auto codes = first_column(slurp(fs::path(METALEARN_SOURCE) / page.name), "Exit codes");
    if (codes.empty()) continue;
    CAPTURE(page.name);
    CHECK(listed(codes) == listed(said));
    ++tables;
  }
  CHECK(tables == 1);
}

TEST_CASE("the page of the program has a row for every command, and no other") {
  Folder folder;
  std::istringstream help(run(program({"--help"}), folder.path).out);
  std::set<std::string> commands, named;
  for (std::string line; std::getline(help, line);)
    if (line.rfind("  ", 0) == 0 && std::islower(static_cast<unsigned char>(line[2])))
      commands.insert(line.substr(2, line.find(' ', 2) - 2));
  std::istringstream page(slurp(fs::path(METALEARN_SOURCE) / "tools/README.md"));
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    inside = line.rfind("| command |", 0) == 0 || (inside && line.rfind("|", 0) == 0);
    if (!inside || line.rfind("| `", 0) != 0) continue;
    for (auto& name : in_backticks(line.substr(0, line.find('|', 1)))) named.insert(std::move(name));
  }
  CHECK(commands.size() > 10);
  CHECK(listed(named) == listed(commands));
}
