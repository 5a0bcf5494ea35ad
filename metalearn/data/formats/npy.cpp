#include "metalearn/data/formats/npy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "checkpoints/error.hpp"

namespace metalearn {
namespace {

using checkpoints::BadData;

static_assert(std::endian::native == std::endian::little, "numbers are written in memory order");

constexpr std::array<std::uint8_t, 6> kMagic = {0x93, 'N', 'U', 'M', 'P', 'Y'};
constexpr std::size_t kMagicBytes = kMagic.size(), kLongestHeader = 1 << 16, kMostDimensions = 32;

/// Reads the header, a Python dict such as {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }. Every
/// method advances and returns whether it found what it expected.
class HeaderCursor {
 public:
  explicit HeaderCursor(std::string_view text) : text_(text) {}
  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    return ++at_, true;
  }
  bool take_word(std::string_view word) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(word)) return false;
    return at_ += word.size(), true;
  }
  bool take_string(std::string& value) {
    skip_blanks();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return false;
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return false;
    value = text_.substr(at_ + 1, end - at_ - 1);
    return at_ = end + 1, true;
  }
  bool take_shape(std::vector<std::int64_t>& shape) {
    if (!take('(')) return false;
    while (!take(')')) {
      skip_blanks();
      std::int64_t extent = 0;
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), extent);
      if (error != std::errc() || extent < 0 || shape.size() == kMostDimensions) return false;
      at_ = static_cast<std::size_t>(end - text_.data());
      shape.push_back(extent);
      if (!take(',') && !(at_ < text_.size() && text_[at_] == ')')) return false;
    }
    return true;
  }
  bool at_end() {
    skip_blanks();
    return at_ == text_.size();
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

std::vector<std::uint8_t> npy_file(const std::string& type, const std::vector<std::int64_t>& shape,
                                   const void* data, std::size_t bytes) {
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", type,
                                   fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  header.append(63 - (kMagicBytes + 4 + header.size()) % 64, ' ');
  header += '\n';
  std::vector<std::uint8_t> file(kMagic.begin(), kMagic.end());
  for (const std::size_t byte : {std::size_t{1}, std::size_t{0}, header.size() & 255, header.size() >> 8})
    file.push_back(static_cast<std::uint8_t>(byte));
  file.insert(file.end(), header.begin(), header.end());
  file.insert(file.end(), static_cast<const std::uint8_t*>(data),
              static_cast<const std::uint8_t*>(data) + bytes);
  return file;
}

}  // namespace

NpyArray::NpyArray(std::span<const std::uint8_t> bytes, std::string name) : name_(std::move(name)) {
  if (bytes.size() < kMagicBytes + 4 || !std::equal(kMagic.begin(), kMagic.end(), bytes.begin()))
    throw BadData(fmt::format("{}: not an NPY file; save it with numpy.save", name_));
  const int version = bytes[kMagicBytes];
  const std::size_t length_bytes = version == 1 ? 2 : 4, begin = kMagicBytes + 2 + length_bytes;
  if (version < 1 || version > 3)
    throw BadData(
        fmt::format("{}: NPY format version {} (allowed: 1 .. 3); save it with another version of NumPy",
                    name_, version));
  std::size_t length = 0;
  if (bytes.size() >= begin)
    for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | bytes[kMagicBytes + 2 + i];
  if (bytes.size() < begin || length > kLongestHeader || bytes.size() - begin < length)
    throw BadData(fmt::format("{}: truncated in its header; save it again", name_));
  parse_header({reinterpret_cast<const char*>(bytes.data() + begin), length});
  data_ = bytes.subspan(begin + length);
  const std::uint64_t expected = static_cast<std::uint64_t>(count_) * width_;
  if (data_.size() != expected)
    throw BadData(fmt::format(
        "{}: {}: {} bytes of numbers expected for the shape ({}), {} found; save it again", name_,
        data_.size() < expected ? "truncated" : "too long", expected, fmt::join(shape_, ", "), data_.size()));
}

void NpyArray::parse_header(std::string_view header) {
  const auto refuse = [&] {
    return BadData(fmt::format("{}: its header is not an NPY header; save it with numpy.save", name_));
  };
  HeaderCursor cursor(header);
  std::string type;
  int known = 0;
  if (!cursor.take('{')) throw refuse();
  while (!cursor.take('}')) {
    std::string key;
    if (!cursor.take_string(key) || !cursor.take(':')) throw refuse();
    bool ok = false;
    if (key == "descr" && type.empty()) {
      ok = cursor.take_string(type) && !type.empty();
      // A list instead of a string describes records.
      if (!ok)
        throw BadData(fmt::format("{}: holds records or objects, not numbers; save plain arrays", name_));
    } else if (key == "fortran_order") {
      fortran_ = cursor.take_word("True");
      ok = fortran_ || cursor.take_word("False");
    } else if (key == "shape" && shape_.empty()) {
      ok = cursor.take_shape(shape_);
    }
    if (!ok) throw refuse();
    ++known;
    cursor.take(',');
  }
  if (known != 3 || !cursor.at_end()) throw refuse();

  big_endian_ = type[0] == '>';
  kind_ = type.size() > 2 ? type[1] : '\0';
  const auto [end, error] =
      std::from_chars(type.data() + std::min<std::size_t>(2, type.size()), type.data() + type.size(), width_);
  const bool is_whole = kind_ == 'i' || kind_ == 'u',
             is_known_width = width_ == 1 || width_ == 2 || width_ == 4 || width_ == 8;
  const bool ok =
      (type[0] == '<' || type[0] == '>' || type[0] == '|') && error == std::errc() &&
      end == type.data() + type.size() &&
      ((is_whole && is_known_width) || (kind_ == 'b' && width_ == 1) ||
       (kind_ == 'f' && (width_ == 4 || width_ == 8)) || (kind_ == 'S' && width_ >= 1 && width_ <= 1024));
  if (!ok)
    throw BadData(
        fmt::format("{}: holds numbers of NumPy type '{}' (allowed: integers, float32, float64); convert "
                    "them with astype",
                    name_, type));
  for (const std::int64_t extent : shape_)
    if (__builtin_mul_overflow(count_, extent, &count_) || count_ > (std::int64_t{1} << 48))
      throw BadData(fmt::format("{}: declares more numbers than are possible; save it again", name_));
}

std::uint64_t NpyArray::word(std::int64_t place) const {
  const std::uint8_t* first = data_.data() + static_cast<std::size_t>(place) * width_;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < width_; ++i) bits = bits << 8 | first[big_endian_ ? i : width_ - 1 - i];
  return bits;
}

template <class T, class Read>
std::vector<T> NpyArray::in_c_order(Read read) const {
  std::vector<T> numbers(static_cast<std::size_t>(count_));
  if (!fortran_) {
    for (std::int64_t i = 0; i < count_; ++i) numbers[static_cast<std::size_t>(i)] = read(i, i);
    return numbers;
  }
  // The index counts up in C order, last axis fastest; `from` is the same element's place in Fortran order.
  std::vector<std::int64_t> index(shape_.size(), 0), stride(shape_.size(), 1);
  for (std::size_t axis = 1; axis < shape_.size(); ++axis) stride[axis] = stride[axis - 1] * shape_[axis - 1];
  std::int64_t from = 0;
  for (std::int64_t i = 0; i < count_; ++i) {
    numbers[static_cast<std::size_t>(i)] = read(from, i);
    for (std::size_t axis = shape_.size(); axis-- > 0;) {
      from += stride[axis];
      if (++index[axis] < shape_[axis]) break;
      from -= stride[axis] * shape_[axis];
      index[axis] = 0;
    }
  }
  return numbers;
}

double NpyArray::value(std::int64_t place) const {
  const std::uint64_t bits = word(place);
  if (kind_ == 'f')
    return width_ == 4 ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))
                       : std::bit_cast<double>(bits);
  if (kind_ == 'i')
    return static_cast<double>(static_cast<std::int64_t>(bits << (64 - 8 * width_)) >> (64 - 8 * width_));
  if (kind_ == 'u' || kind_ == 'b') return static_cast<double>(bits);
  throw BadData(fmt::format("{}: holds text (numbers expected); save numbers", name_));
}

void NpyArray::require_float32(double number, std::int64_t c_place) const {
  if (!std::isfinite(static_cast<float>(number)))
    throw BadData(
        fmt::format("{}: number {} (from 0, in C order) is {} (allowed: finite numbers in the range of "
                    "float32); correct it",
                    name_, c_place, number));
}

std::vector<float> NpyArray::floats() const {
  return in_c_order<float>([&](std::int64_t place, std::int64_t c_place) {
    const double number = value(place);
    require_float32(number, c_place);
    return static_cast<float>(number);
  });
}

std::vector<double> NpyArray::doubles() const {
  return in_c_order<double>([&](std::int64_t place, std::int64_t c_place) {
    const double number = value(place);
    require_float32(number, c_place);
    return number;
  });
}

double NpyArray::number() const {
  if (count_ != 1)
    throw BadData(fmt::format("{}: {} numbers found (one expected); save a scalar", name_, count_));
  if (!std::isfinite(value(0)))
    throw BadData(fmt::format("{}: is {} (a finite number expected); correct it", name_, value(0)));
  return value(0);
}

std::vector<std::int64_t> NpyArray::integers() const {
  if (kind_ == 'f' || kind_ == 'S')
    throw BadData(fmt::format("{}: holds {} (integers expected); save it as int64", name_,
                              kind_ == 'f' ? "floats" : "text"));
  return in_c_order<std::int64_t>([&](std::int64_t place, std::int64_t c_place) {
    const std::uint64_t bits = word(place);
    if (kind_ == 'i') return static_cast<std::int64_t>(bits << (64 - 8 * width_)) >> (64 - 8 * width_);
    if (bits >> 63 != 0)
      throw BadData(
          fmt::format("{}: number {} (from 0, in C order) is {} (allowed: at most 2^63 - 1); correct it",
                      name_, c_place, bits));
    return static_cast<std::int64_t>(bits);
  });
}

std::string NpyArray::text() const {
  if (kind_ != 'S' || count_ != 1)
    throw BadData(fmt::format("{}: one text is expected; save it as numpy.array(b\"text\")", name_));
  const std::string text(data_.begin(), data_.end());
  return text.substr(0, text.find('\0'));
}

std::vector<std::uint8_t> npy_bytes(std::span<const float> numbers, const std::vector<std::int64_t>& shape) {
  return npy_file("<f4", shape, numbers.data(), numbers.size_bytes());
}
std::vector<std::uint8_t> npy_bytes(double scalar) { return npy_file("<f8", {}, &scalar, sizeof scalar); }
std::vector<std::uint8_t> npy_bytes(std::int64_t scalar) {
  return npy_file("<i8", {}, &scalar, sizeof scalar);
}
std::vector<std::uint8_t> npy_bytes(const std::string& ascii) {
  return npy_file(fmt::format("|S{}", ascii.size()), {}, ascii.data(), ascii.size());
}

}  // namespace metalearn
