#include "tools/cli/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "checkpoints/error.hpp"
#include "metalearn/base/byte_count.hpp"
#include "metalearn/base/nearest.hpp"
#include "metalearn/base/word_list.hpp"
#include "tools/cli/say.hpp"

namespace tools {
namespace po = boost::program_options;
using checkpoints::UsageError;

namespace {

constexpr int kManyWords = 1000;

void print_help(const Usage& usage, bool full) {
  say("{}\n\nusage: {}\n\n", usage.summary, usage.synopsis);
  std::size_t width = 0;
  const auto left = [](const Option& o) { return "--" + o.name + (o.value.empty() ? "" : " " + o.value); };
  for (const auto& o : usage.options)
    if (full || o.essential) width = std::max(width, left(o).size());
  std::string group;
  for (const auto& o : usage.options) {
    if (!full && !o.essential) continue;
    if (full && o.group != group) say("\n{}:\n", group = o.group);
    say("  {:<{}}  {}{}{}\n", left(o), width, o.meaning, o.fallback.empty() ? "" : " [" + o.fallback + "]",
        o.repeatable ? " (repeatable)" : "");
  }
  const bool more =
      std::any_of(usage.options.begin(), usage.options.end(), [](const Option& o) { return !o.essential; });
  if (!full && more) say("\n--help shows all options.\n");
  if (full && !usage.notes.empty()) say_text("\n" + usage.notes + "\n");
}

long long parse_whole(const std::string& name, const std::string& text, long long lo, long long hi) {
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw UsageError(fmt::format("--{}: '{}' is not a whole number (allowed: {} .. {})", name, text, lo, hi));
  if (value < lo || value > hi)
    throw UsageError(fmt::format("--{}: {} is out of range (allowed: {} .. {})", name, text, lo, hi));
  return value;
}

/// An option is never taken as the value of another one: --run --data x.
void require_values(const Usage& usage, const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i)
    for (const auto& o : usage.options)
      if (!o.value.empty() && words[i] == "--" + o.name &&
          (i + 1 == words.size() || words[i + 1].starts_with("--")))
        throw UsageError(fmt::format("--{} has no value; write --{} {}", o.name, o.name, o.value));
}

}  // namespace

std::optional<std::string> Arguments::find(const std::string& name) const {
  const auto values = all(name);
  return values.empty() ? std::nullopt : std::optional(values.back());
}

std::vector<std::string> Arguments::all(const std::string& name) const {
  std::vector<std::string> values;
  for (const auto& [option, value] : given)
    if (option == name) values.push_back(value);
  return values;
}

long long Arguments::whole(const std::string& name, long long fallback, long long lo, long long hi) const {
  const auto text = find(name);
  return text ? parse_whole(name, *text, lo, hi) : fallback;
}

std::uint64_t Arguments::bytes(const std::string& name) const {
  const auto text = find(name);
  if (!text) return 0;
  if (const auto amount = metalearn::bytes_from(*text)) return *amount;
  throw UsageError(
      fmt::format("--{} {}: not an amount of memory; write bytes, or 512MiB, 2GiB, 500MB", name, *text));
}

std::optional<Arguments> parse(const Usage& usage, const std::vector<std::string>& words) {
  for (const auto& word : words)
    if (word == "-h" || word == "--help") {
      print_help(usage, word == "--help");
      return std::nullopt;
    }

  require_values(usage, words);
  po::options_description description;
  std::vector<std::string> names = {"--help"};
  for (const auto& o : usage.options) {
    names.push_back("--" + o.name);
    if (o.value.empty())
      description.add_options()(o.name.c_str(), "");
    else
      description.add_options()(o.name.c_str(), po::value<std::vector<std::string>>()->composing(), "");
  }
  po::positional_options_description positional;
  if (!usage.word.empty()) {
    description.add_options()("", po::value<std::string>(), "");
    positional.add("", usage.word.ends_with("...")
                           ? kManyWords
                           : static_cast<int>(1 + std::count(usage.word.begin(), usage.word.end(), ' ')));
  }

  Arguments arguments;
  try {
    namespace style = po::command_line_style;
    const auto parsed = po::command_line_parser(words)
                            .options(description)
                            .positional(positional)
                            .style(style::unix_style ^ style::allow_guessing)
                            .run();
    for (const auto& option : parsed.options) {
      if (option.string_key.empty())
        arguments.words.insert(arguments.words.end(), option.value.begin(), option.value.end());
      else
        arguments.given.emplace_back(option.string_key, option.value.empty() ? "true" : option.value.front());
    }
  } catch (const po::unknown_option& e) {
    std::string name = e.get_option_name().substr(0, e.get_option_name().find('='));
    name.erase(0, std::min(name.size(), name.find_first_not_of('-')));
    name.insert(0, name.size() > 1 ? "--" : "-");
    throw UsageError(fmt::format("unknown option '{}'{}", name, metalearn::did_you_mean(name, names)));
  } catch (const po::too_many_positional_options_error&) {
    throw UsageError(fmt::format("too many arguments; usage: {}", usage.synopsis));
  } catch (const po::error& e) {
    throw UsageError(e.what());
  }
  for (auto& word : arguments.words)
    while (word.size() > 1 && word.back() == '/') word.pop_back();  // shell completion of a folder appends it
  if (!arguments.words.empty()) arguments.word = arguments.words.front();
  for (const auto& o : usage.options)
    if (!o.repeatable && arguments.all(o.name).size() > 1)
      throw UsageError(fmt::format("--{} is given twice", o.name));
  return arguments;
}

void require_input(const std::string& path, const char* what) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    throw checkpoints::NoInput(
        fmt::format("{}: no such file or folder; check the path, it should be {}", path, what));
}

std::vector<long long> whole_list(const std::string& name, const std::string& text, long long lo,
                                  long long hi) {
  std::vector<long long> numbers;
  for (const auto& word : metalearn::split_list(text)) numbers.push_back(parse_whole(name, word, lo, hi));
  if (numbers.empty())
    throw UsageError(fmt::format("--{}: no numbers; separate them with commas, each {} .. {}", name, lo, hi));
  return numbers;
}

}  // namespace tools
