// Options: how a command describes its arguments, parses them and prints its help.
//
// One description serves parsing (Boost.Program_options, no abbreviations), the short -h, the full --help and
// "did you mean".
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tools {

struct Option {
  std::string name;   ///< without the dashes
  std::string value;  ///< placeholder of its value in help; empty: a switch
  std::string meaning;
  std::string fallback = {};  ///< the default, printed in brackets
  bool repeatable = false;
  bool essential = true;   ///< shown by -h too, not only by --help
  std::string group = {};  ///< the heading that --help prints it under
};

struct Usage {
  std::string synopsis;  ///< "metalearn train --run DIR [options]"; the second word is the command
  std::string summary;   ///< one line
  std::vector<Option> options;
  std::string word = {};   ///< placeholders of the command's positional arguments, separated by spaces
                           ///< ("FILE", "A B", "NAME ..." for any number); empty: it takes none
  std::string notes = {};  ///< printed at the end of --help
};

/// The arguments of a command line, checked against a Usage.
struct Arguments {
  std::vector<std::pair<std::string, std::string>>
      given;                       ///< name and value in the order given; a switch has the value "true"
  std::string word;                ///< the first positional argument, or empty
  std::vector<std::string> words;  ///< all positional arguments, at most as many as the usage names

  bool has(const std::string& name) const { return find(name).has_value(); }
  std::optional<std::string> find(const std::string& name) const;  ///< the last value given
  std::vector<std::string> all(const std::string& name) const;
  /// The value, or `fallback`, as a whole number in lo .. hi. Throws UsageError naming the range.
  long long whole(const std::string& name, long long fallback, long long lo, long long hi) const;
  /// The value as an amount of memory ("64MiB"), or 0 if it is not given. Throws UsageError.
  std::uint64_t bytes(const std::string& name) const;
};

/// Nothing if help was asked for (it is then printed to stdout). Throws checkpoints::UsageError for an
/// argument that does not fit.
std::optional<Arguments> parse(const Usage& usage, const std::vector<std::string>& words);

/// Throws checkpoints::NoInput unless there is such a file or folder; `what` describes what is expected.
void require_input(const std::string& path, const char* what);

/// "64,64" as numbers in lo .. hi. Throws UsageError naming the option and the range.
std::vector<long long> whole_list(const std::string& name, const std::string& text, long long lo,
                                  long long hi);

}  // namespace tools
