#include "metalearn/config/key_row.hpp"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <map>

#include "checkpoints/error.hpp"
#include "metalearn/base/byte_count.hpp"
#include "metalearn/base/word_list.hpp"

namespace metalearn {
namespace {

using Text = const std::string&;

[[noreturn]] void refuse(const ConfigKey& key, Text text, Text why) {
  throw checkpoints::UsageError(fmt::format("{} = '{}' {} (allowed: {})", key.name, text, why, key.range));
}

/// The whole text as a number, or refused.
template <class T>
T parse_number(const ConfigKey& key, Text text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) refuse(key, text, "is out of range");
  if (error != std::errc() || end != text.data() + text.size())
    refuse(key, text, std::is_floating_point_v<T> ? "is not a number" : "is not a whole number");
  return value;
}

template <class T>
T parse_within(const ConfigKey& key, Text text, T lo, T hi) {
  const T value = parse_number<T>(key, text);
  if (!(value >= lo && value <= hi)) refuse(key, text, "is out of range");  // also refuses nan
  return value;
}

template <class T>
KeyValue widened(T value) {
  if constexpr (std::is_same_v<T, int>)
    return std::int64_t{value};
  else
    return value;
}

template <class T>
KeyRow number(std::string name, Field<T> field, T lo, T hi, std::string meaning) {
  return KeyRow({.name = std::move(name),
                 .meaning = std::move(meaning),
                 .range = fmt::format("{} .. {}", lo, hi),
                 .placeholder = std::is_floating_point_v<T> ? "X" : "N",
                 .value = [field](const Config& c) { return widened(field.value(c)); },
                 .assign = [field, lo, hi](const ConfigKey& key, Config& c,
                                           Text text) { field.place(c) = parse_within(key, text, lo, hi); }});
}

std::size_t place_of(const ConfigKey& key, const std::vector<std::string>& words, Text text) {
  const auto place = std::find(words.begin(), words.end(), text);
  if (place == words.end()) refuse(key, text, "is not known");
  return static_cast<std::size_t>(place - words.begin());
}

/// Names of data sets name columns of metrics.csv and rows of tables.
bool is_data_name(Text name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c < 128 && (std::isalnum(c) || c == '-' || c == '_');
  });
}

std::string name_of(Text word) { return word.substr(0, word.find('=')); }

std::vector<std::string> parse_data_sets(const ConfigKey& key, Text text) {
  const auto words = text == "none" ? std::vector<std::string>{} : split_list(text);
  std::map<std::string, std::string> word_of;
  for (const auto& word : words) {
    const std::string set = name_of(word);
    if (!is_data_name(set))
      refuse(key, text,
             fmt::format("has the name '{}', but a name may hold only letters, digits, - and _", set));
    if (const auto [it, is_new] = word_of.emplace(set, word); !is_new)
      refuse(
          key, text,
          fmt::format("names '{}' twice, by '{}' and '{}'; give each its own name", set, it->second, word));
  }
  return words;
}

}  // namespace

KeyRow&& KeyRow::also(void (*then)(Config&)) && {
  key_.assign = [first = std::move(key_.assign), then](const ConfigKey& key, Config& c, Text text) {
    first(key, c, text);
    then(c);
  };
  return std::move(*this);
}

template <std::integral T>
KeyRow integer(std::string name, Field<T> field, std::type_identity_t<T> lo, std::type_identity_t<T> hi,
               std::string meaning) {
  return number<T>(std::move(name), field, lo, hi, std::move(meaning));
}
template KeyRow integer(std::string, Field<int>, int, int, std::string);
template KeyRow integer(std::string, Field<std::int64_t>, std::int64_t, std::int64_t, std::string);
template KeyRow integer(std::string, Field<std::uint64_t>, std::uint64_t, std::uint64_t, std::string);

KeyRow real(std::string name, Field<double> field, double lo, double hi, std::string meaning) {
  return number<double>(std::move(name), field, lo, hi, std::move(meaning));
}

KeyRow probability(std::string name, Field<double> field, std::string that) {
  return real(std::move(name), field, 0, 1, "probability that " + that);
}

KeyRow truth(std::string name, Field<bool> field, std::string meaning) {
  static const std::vector<std::string> kWords = {"true", "false"};
  return KeyRow({.name = std::move(name),
                 .meaning = std::move(meaning),
                 .range = fmt::format("{}", fmt::join(kWords, ", ")),
                 .placeholder = "true|false",
                 .value = [field](const Config& c) { return field.value(c); },
                 .assign = [field](const ConfigKey& key, Config& c,
                                   Text text) { field.place(c) = place_of(key, kWords, text) == 0; }});
}

KeyRow bytes(std::string name, Field<std::uint64_t> field, std::string meaning) {
  return KeyRow({.name = std::move(name),
                 .meaning = std::move(meaning),
                 .range = "BYTES, 512MiB, 2GB, ...; 0: none",
                 .placeholder = "BYTES",
                 .value = [field](const Config& c) { return field.value(c); },
                 .assign =
                     [field](const ConfigKey& key, Config& c, Text text) {
                       const auto amount = text == "0" ? std::optional<std::uint64_t>(0) : bytes_from(text);
                       if (!amount) refuse(key, text, "is not an amount of memory");
                       field.place(c) = *amount;
                     }});
}

KeyRow steps(std::string name, Field<std::vector<std::int64_t>> field, std::string meaning) {
  constexpr std::int64_t kMost = 100000;
  const auto parse = [field](const ConfigKey& key, Config& c, Text text) {
    std::vector<std::int64_t> steps;
    for (const auto& word : split_list(text)) steps.push_back(parse_number<std::int64_t>(key, word));
    if (steps.empty() || steps.front() < 0 || steps.back() > kMost) refuse(key, text, "is out of range");
    if (std::adjacent_find(steps.begin(), steps.end(), std::greater_equal<>()) != steps.end())
      refuse(key, text, "is not ascending");
    field.place(c) = steps;
  };
  return KeyRow(
      {.name = std::move(name),
       .meaning = std::move(meaning),
       .range = fmt::format("ascending whole numbers 0 .. {}, separated by commas", kMost),
       .placeholder = "N,N,...",
       .value = [field](const Config& c) { return fmt::format("{}", fmt::join(field.value(c), ",")); },
       .assign = parse});
}

KeyRow data_sets(std::string name, Field<std::vector<std::string>> field, std::string meaning,
                 std::string range) {
  const auto map_folders = [field](Config& c, const FolderMap& map) {
    for (auto& word : field.place(c))
      if (const auto equals = word.find('='); equals != std::string::npos) {
        const auto folder = map(word.substr(equals + 1));
        word = word.substr(0, equals) + (folder ? "=" + *folder : "");
      }
  };
  return KeyRow({.name = std::move(name),
                 .meaning = std::move(meaning),
                 .range = std::move(range),
                 .placeholder = "NAME[=DIR]",
                 .is_repeatable = true,
                 .value = [field](const Config& c) { return join_list(field.value(c)); },
                 .assign = [field](const ConfigKey& key, Config& c,
                                   Text text) { field.place(c) = parse_data_sets(key, text); },
                 .map_folders = map_folders});
}

KeyRow folder(std::string name, Field<std::string> field, std::string meaning) {
  const auto map_folders = [field](Config& c, const FolderMap& map) {
    auto& folder = field.place(c);
    if (!folder.empty()) folder = map(folder).value_or("");
  };
  return KeyRow(
      {.name = std::move(name),
       .meaning = std::move(meaning),
       .range = "a folder, or none",
       .placeholder = "DIR",
       .value = [field](const Config& c) { return field.value(c).empty() ? "none" : field.value(c); },
       .assign = [field](const ConfigKey&, Config& c,
                         Text text) { field.place(c) = text == "none" ? "" : text; },
       .map_folders = map_folders});
}

KeyRow interval(std::string name, Field<std::string> field, std::string meaning) {
  constexpr std::int64_t kUpdates = 1000000000, kSeconds = 1000000;
  const auto parse = [field](const ConfigKey& key, Config& c, Text text) {
    const bool seconds = !text.empty() && text.back() == 's';
    const auto count = parse_number<std::int64_t>(key, seconds ? text.substr(0, text.size() - 1) : text);
    if (count < 1 || count > (seconds ? kSeconds : kUpdates)) refuse(key, text, "is out of range");
    field.place(c) = text;
  };
  return KeyRow({.name = std::move(name),
                 .meaning = std::move(meaning),
                 .range = fmt::format("1 .. {}, or 1s .. {}s", kUpdates, kSeconds),
                 .placeholder = "N|Ns",
                 .value = [field](const Config& c) { return field.value(c); },
                 .assign = parse});
}

KeyRow enumerated(std::string name, std::vector<std::string> words,
                  std::function<std::size_t(const Config&)> get,
                  std::function<void(Config&, std::size_t)> set, std::string meaning) {
  return KeyRow({.name = std::move(name),
                 .meaning = std::move(meaning),
                 .range = fmt::format("{}", fmt::join(words, ", ")),
                 .placeholder = "NAME",
                 .value = [words, get = std::move(get)](const Config& c) { return words.at(get(c)); },
                 .assign = [words, set = std::move(set)](const ConfigKey& key, Config& c,
                                                         Text text) { set(c, place_of(key, words, text)); }});
}

KeyRow word(std::string name, Field<std::string> field, std::vector<std::string> words, std::string meaning) {
  return KeyRow(
      {.name = std::move(name),
       .meaning = std::move(meaning),
       .range = fmt::format("{}", fmt::join(words, ", ")),
       .placeholder = "NAME",
       .value = [field](const Config& c) { return field.value(c); },
       .assign = [field, words](const ConfigKey& key, Config& c,
                                Text text) { field.place(c) = words[place_of(key, words, text)]; }});
}

KeyRow shorthand(std::string name, std::vector<std::string> stands_for, std::int64_t lo, std::int64_t hi,
                 std::string meaning) {
  return KeyRow({.name = std::move(name),
                 .meaning = std::move(meaning),
                 .range = fmt::format("{} .. {}", lo, hi),
                 .placeholder = "N",
                 .stands_for = std::move(stands_for),
                 .assign = [lo, hi](const ConfigKey& key, Config& c, Text text) {
                   parse_within(key, text, lo, hi);
                   for (const auto& meant : key.stands_for) c.set(meant, text);
                 }});
}

}  // namespace metalearn
