// KeyRow: writes a row of the table of keys: one function per type of value, then a call for each further
// fact:
//
//   integer("updates", FIELD(updates), 1, 99999999, "total updates of theta").resumable().essential()
//
// Used only by config_keys.cpp. Functions without state.
#pragma once
#include <algorithm>
#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "metalearn/config/config.hpp"
#include "metalearn/config/config_key.hpp"

namespace metalearn {

/// A value's place in a Config.
template <class T>
struct Field {
  T& (*place)(Config&);
  const T& (*value)(const Config&);
};

/// Place: a generic lambda without captures. Clang converts none to a pointer whose result it has to deduce.
template <class Place>
auto field_at(Place) {
  using T = std::remove_reference_t<std::invoke_result_t<Place, Config&>>;
  return Field<T>{[](Config& c) -> T& { return Place{}(c); },
                  [](const Config& c) -> const T& { return Place{}(c); }};
}

class KeyRow {
 public:
  explicit KeyRow(ConfigKey key) : key_(std::move(key)) {}
  const ConfigKey& key() const { return key_; }

  // Facts, in the order of ConfigKey, which says what each means.
  KeyRow&& essential() && { return is(&ConfigKey::is_essential); }
  KeyRow&& resumable() && { return std::move(*this).keeps_bits().is(&ConfigKey::is_resumable); }
  KeyRow&& keeps_bits() && { return is(&ConfigKey::keeps_bits); }
  KeyRow&& shapes_theta() && { return is(&ConfigKey::shapes_theta); }
  KeyRow&& free() && { return is(&ConfigKey::is_free); }
  KeyRow&& exported() && { return is(&ConfigKey::is_exported); }
  KeyRow&& common() && { return is(&ConfigKey::is_common); }
  KeyRow&& of_loading() && { return is(&ConfigKey::is_of_loading); }
  KeyRow&& of_held_out_tasks() && { return is(&ConfigKey::is_of_held_out_tasks); }
  KeyRow&& published(std::string value) && { return says(&ConfigKey::published, std::move(value)); }
  KeyRow&& at_most(std::string key) && { return says(&ConfigKey::at_most, std::move(key)); }
  KeyRow&& at_most_in_new_runs(std::string key) && {
    return says(&ConfigKey::at_most_in_new_runs, std::move(key));
  }
  KeyRow&& shown_as(std::string placeholder) && {
    return says(&ConfigKey::placeholder, std::move(placeholder));
  }
  /// Also calls `then` whenever the key is set.
  KeyRow&& also(void (*then)(Config&)) &&;

 private:
  KeyRow&& is(bool ConfigKey::*fact) {
    key_.*fact = true;
    return std::move(*this);
  }
  KeyRow&& says(std::string ConfigKey::*fact, std::string text) {
    key_.*fact = std::move(text);
    return std::move(*this);
  }
  ConfigKey key_;
};

/// A number in lo .. hi; T: int, std::int64_t, std::uint64_t.
template <std::integral T>
KeyRow integer(std::string name, Field<T> field, std::type_identity_t<T> lo, std::type_identity_t<T> hi,
               std::string meaning);
KeyRow real(std::string name, Field<double> field, double lo, double hi, std::string meaning);
KeyRow probability(std::string name, Field<double> field, std::string that);
KeyRow truth(std::string name, Field<bool> field, std::string meaning);
/// An amount of memory, or 0.
KeyRow bytes(std::string name, Field<std::uint64_t> field, std::string meaning);
/// Numbers of inner steps.
KeyRow steps(std::string name, Field<std::vector<std::int64_t>> field, std::string meaning);
/// NAME or NAME=DIR, each NAME once.
KeyRow data_sets(std::string name, Field<std::vector<std::string>> field, std::string meaning,
                 std::string range);
KeyRow folder(std::string name, Field<std::string> field, std::string meaning);
/// N updates, or Ns seconds.
KeyRow interval(std::string name, Field<std::string> field, std::string meaning);
/// One of a few words.
KeyRow word(std::string name, Field<std::string> field, std::vector<std::string> words, std::string meaning);
/// Sets each of these keys, whole numbers, to its own value.
KeyRow shorthand(std::string name, std::vector<std::string> stands_for, std::int64_t lo, std::int64_t hi,
                 std::string meaning);

/// One of a few words; what is kept is its index in the list.
KeyRow enumerated(std::string name, std::vector<std::string> words,
                  std::function<std::size_t(const Config&)> get,
                  std::function<void(Config&, std::size_t)> set, std::string meaning);
/// words: in the order of the enumerators 0, 1, ...
template <class Enum>
KeyRow enumerated(std::string name, Field<Enum> field, std::vector<std::string> words, std::string meaning) {
  return enumerated(
      std::move(name), std::move(words),
      [field](const Config& c) { return static_cast<std::size_t>(field.value(c)); },
      [field](Config& c, std::size_t i) { field.place(c) = static_cast<Enum>(i); }, std::move(meaning));
}

}  // namespace metalearn
