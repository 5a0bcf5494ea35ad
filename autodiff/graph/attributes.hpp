// Attributes: the parameters of an op that are not data (axes, flags, slopes), held as one value of a struct
// that the op defines.
//
// The struct is an aggregate of at most six fields: numbers, enums, Shapes, vectors and variants of these,
// and structs of the same kind. There is no other requirement and no list of all such structs, so a user's op
// defines its own. A value is immutable and shared by its copies: thread-safe.
#pragma once
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

#include "autodiff/graph/shape.hpp"

namespace autodiff {

namespace attribute_bits {

using Bits = std::vector<std::uint64_t>;

// Converts to any type: used to count how many values an aggregate can be initialised with.
struct Anything {
  template <class T>
  operator T() const;  // NOLINT: implicit on purpose; never defined
};

template <class T, class... Fields>
constexpr std::size_t field_count() {
  if constexpr (requires { T{Fields{}..., Anything{}}; })
    return field_count<T, Fields..., Anything>();
  else
    return sizeof...(Fields);
}

template <class T>
void append(Bits& bits, const T& value);
void append(Bits& bits, const Shape& shape);
template <class T>
void append(Bits& bits, const std::vector<T>& values);
template <class... T>
void append(Bits& bits, const std::variant<T...>& value);
template <class T>
void append_fields(Bits& bits, const T& value);

template <class T>
void append(Bits& bits, const T& value) {
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>)
    bits.push_back(static_cast<std::uint64_t>(value));
  else if constexpr (std::is_same_v<T, double>)
    bits.push_back(std::bit_cast<std::uint64_t>(value));
  else
    append_fields(bits, value);
}
template <class T>
void append(Bits& bits, const std::vector<T>& values) {
  append(bits, values.size());
  for (const T& v : values) append(bits, v);
}
template <class... T>
void append(Bits& bits, const std::variant<T...>& value) {
  append(bits, value.index());
  std::visit([&](const auto& v) { append(bits, v); }, value);
}

template <class T>
void append_fields(Bits& bits, const T& value) {
  static_assert(std::is_aggregate_v<T>,
                "an attribute is a number, enum, Shape, vector, variant or aggregate");
  constexpr std::size_t n = field_count<T>();
  static_assert(n <= 6, "at most six fields; put some of them into a struct of their own");
  const auto all = [&](const auto&... fields) { (append(bits, fields), ...); };
  if constexpr (n == 1) {
    const auto& [a] = value;
    all(a);
  } else if constexpr (n == 2) {
    const auto& [a, b] = value;
    all(a, b);
  } else if constexpr (n == 3) {
    const auto& [a, b, c] = value;
    all(a, b, c);
  } else if constexpr (n == 4) {
    const auto& [a, b, c, d] = value;
    all(a, b, c, d);
  } else if constexpr (n == 5) {
    const auto& [a, b, c, d, e] = value;
    all(a, b, c, d, e);
  } else if constexpr (n == 6) {
    const auto& [a, b, c, d, e, f] = value;
    all(a, b, c, d, e, f);
  }
}

}  // namespace attribute_bits

class Attributes {
 public:
  /// No attributes.
  Attributes() = default;
  template <class T>
  requires std::is_aggregate_v<T> Attributes(T value)  // NOLINT: implicit on purpose
      : held_(std::make_shared<const Of<T>>(std::move(value))) {}

  /// The value. Throws std::logic_error naming both types if it has another type, or if there is none.
  template <class T>
  const T& as() const {
    if (type() != typeid(T)) refuse(typeid(T));
    return static_cast<const Of<T>&>(*held_).value;
  }
  /// typeid(void) if there is none.
  const std::type_info& type() const { return held_ ? held_->type : typeid(void); }

  /// The bits of all fields in order. Two values of one type are equal if their bits are: a NaN equals
  /// itself, and +0 differs from -0.
  std::span<const std::uint64_t> bits() const {
    return held_ ? std::span<const std::uint64_t>(held_->bits) : std::span<const std::uint64_t>();
  }
  bool operator==(const Attributes& other) const;

 private:
  struct Held {
    const std::type_info& type;
    attribute_bits::Bits bits;
  };
  template <class T>
  struct Of : Held {
    T value;
    explicit Of(T v) : Held{typeid(T), {}}, value(std::move(v)) { attribute_bits::append(this->bits, value); }
  };
  [[noreturn]] void refuse(const std::type_info& wanted) const;
  std::shared_ptr<const Held> held_;
};

/// "PadAttributes", or "none" for void.
std::string attributes_name(std::type_index type);

}  // namespace autodiff
