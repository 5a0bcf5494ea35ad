// NPY: NumPy's file of one array (format versions 1 to 3): a magic word, a header in Python's notation, then
// the numbers in C or Fortran order.
//
// Numbers are booleans, integers and floats of 32 or 64 bits, in either byte order. Pure functions.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace metalearn {

class NpyArray {
 public:
  /// Keeps a view of the bytes, which must outlive it. `name` is for messages. Throws BadData: not NPY,
  /// truncated, too long, of another type ("<f2", "O", "U4").
  NpyArray(std::span<const std::uint8_t> bytes, std::string name);

  const std::vector<std::int64_t>& shape() const { return shape_; }  ///< empty: a scalar
  std::int64_t count() const { return count_; }
  bool is_float() const { return kind_ == 'f'; }
  /// In C order, rounded to float32. Throws BadData naming the index of a number that is not finite, or too
  /// large for float32.
  std::vector<float> floats() const;
  /// The same, not rounded.
  std::vector<double> doubles() const;
  /// One scalar in full precision. Throws BadData for anything else, or if it is not finite.
  double number() const;
  /// In C order. Throws BadData for floats, and for a number above 2^63 - 1.
  std::vector<std::int64_t> integers() const;
  /// One text ("|S4"), without the zeros at its end. Throws BadData for anything else.
  std::string text() const;

 private:
  void parse_header(std::string_view header);
  void require_float32(double number, std::int64_t c_place) const;
  template <class T, class Read>
  std::vector<T> in_c_order(Read read) const;
  std::uint64_t word(std::int64_t place) const;  ///< bits of the number at this place in the file
  double value(std::int64_t place) const;        ///< the same as a number

  std::string name_;
  std::span<const std::uint8_t> data_;
  std::vector<std::int64_t> shape_;
  std::int64_t count_ = 1;
  std::size_t width_ = 0;  ///< bytes of a number
  char kind_ = 0;          ///< b, i, u, f, S
  bool big_endian_ = false, fortran_ = false;
};

/// The bytes of an NPY file (version 1, C order, little-endian). REQUIRES numbers.size() is the product of
/// the shape.
std::vector<std::uint8_t> npy_bytes(std::span<const float> numbers, const std::vector<std::int64_t>& shape);
std::vector<std::uint8_t> npy_bytes(double scalar);
std::vector<std::uint8_t> npy_bytes(std::int64_t scalar);
std::vector<std::uint8_t> npy_bytes(
    const std::string& ascii);  ///< a scalar string. REQUIRES at least one character

}  // namespace metalearn
