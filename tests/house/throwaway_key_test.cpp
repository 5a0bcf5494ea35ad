// A key that was added as one row and one field (throwaway_key.py) is known wherever keys are.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "checkpoints/error.hpp"
#include "metalearn/config/config.hpp"
#include "metalearn/config/config_key.hpp"
#include "tools/cli/config_source.hpp"
#include "tools/cli/options.hpp"

using metalearn::Config;

namespace {

/// What is printed on stdout meanwhile.
template <class Print>
std::string printed_by(const Print& print) {
  std::FILE* file = std::tmpfile();
  std::fflush(stdout);
  const int kept = dup(STDOUT_FILENO);
  dup2(fileno(file), STDOUT_FILENO);
  print();
  std::fflush(stdout);
  dup2(kept, STDOUT_FILENO);
  close(kept);
  std::fseek(file, 0, SEEK_END);
  std::string text(static_cast<std::size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

tools::Usage usage_of(std::vector<tools::Option> options) {
  return {.synopsis = "program command", .summary = "Does it.", .options = std::move(options)};
}

std::string refusal(const std::string& key, const std::string& value) {
  Config c;
  try {
    c.set(key, value);
  } catch (const checkpoints::UsageError& e) {
    return e.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("it is in the full help of train, with range and default, and in that of resume") {
  const auto help_of = [](const std::vector<tools::Option>& options) {
    return printed_by([&] { tools::parse(usage_of(options), {"--help"}); });
  };
  const std::string train = help_of(tools::config_options()), resume = help_of(tools::resume_options());
  CHECK(train.find("--throwaway N ") != std::string::npos);
  CHECK(train.find("a key that only this copy has; 1 .. 9 [3]\n") != std::string::npos);
  CHECK(resume.find("a key that only this copy has; 1 .. 9 [as in the run]\n") != std::string::npos);
  CHECK(resume.find("--batch") == std::string::npos);
}

TEST_CASE("a command line, a JSON file and the environment set it, and config.json shows it") {
  const auto asked = [](const std::vector<std::string>& words) {
    auto options = tools::config_options();
    options.push_back({.name = "config", .value = "FILE", .meaning = "a file"});
    return nlohmann::json(tools::resolve_config(*tools::parse(usage_of(options), words)).to_map());
  };
  CHECK(asked({})["throwaway"] == "3");
  CHECK(asked({"--throwaway", "7"})["throwaway"] == "7");
  const auto file = std::filesystem::temp_directory_path() / ("throwaway-" + std::to_string(getpid()));
  std::ofstream(file) << R"({"throwaway": 5})";
  CHECK(asked({"--config", file.string()})["throwaway"] == "5");
  std::filesystem::remove(file);
  setenv("METALEARN_THROWAWAY", "6", 1);
  CHECK(asked({})["throwaway"] == "6");
  unsetenv("METALEARN_THROWAWAY");
}

TEST_CASE("a resume may change it, and that it differs is no difference between two states") {
  const auto arguments = tools::parse(usage_of(tools::resume_options()), {"--throwaway", "4"});
  CHECK(tools::resume_changes(*arguments) == std::map<std::string, std::string>{{"throwaway", "4"}});
  CHECK(metalearn::config_key("throwaway").is_resumable);
  CHECK(metalearn::config_key("throwaway").keeps_bits);
}

TEST_CASE("wrong values and misspelt names are refused with its range and its name") {
  CHECK(refusal("throwaway", "10") == "throwaway = '10' is out of range (allowed: 1 .. 9)");
  CHECK(refusal("throwawy", "1") == "unknown key 'throwawy': did you mean 'throwaway'?");
}
