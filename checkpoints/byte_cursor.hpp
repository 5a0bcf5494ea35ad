// ByteCursor: reads little-endian numbers and byte sequences from a span, never beyond its end.
//
// Private to this folder. A plain value.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace checkpoints {

/// A malformed or unsupported structure in a file; `what` completes a sentence about the object that holds it
/// ("has a link ...").
struct FormatFault {
  std::string what;
};

class ByteCursor {
 public:
  explicit ByteCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::size_t left() const { return bytes_.size(); }
  std::span<const std::byte> rest() const { return bytes_; }

  std::span<const std::byte> take(std::size_t count) {
    if (count > bytes_.size()) throw FormatFault{"has a truncated structure"};
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }
  /// An unsigned number of 1 to 8 bytes.
  std::uint64_t number(std::size_t count) {
    std::uint64_t value = 0;
    if (count > sizeof value) throw FormatFault{"has a number of more than 8 bytes"};
    const auto from = take(count);
    std::memcpy(&value, from.data(), count);
    return value;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  std::string text(std::size_t count) {
    const auto from = take(count);
    return {reinterpret_cast<const char*>(from.data()), from.size()};
  }
  /// Four letters and a version.
  void signature(std::string_view letters, std::uint8_t version) {
    if (text(letters.size()) != letters || u8() != version)
      throw FormatFault{"lacks the structure " + std::string(letters) + " of the known version"};
  }

 private:
  std::span<const std::byte> bytes_;
};

constexpr std::uint64_t kNowhere = UINT64_MAX;  ///< HDF5's undefined address

/// The bytes of an HDF5 file from its base address on; addresses are relative to it.
class AddressSpace {
 public:
  explicit AddressSpace(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::size_t bytes() const { return bytes_.size(); }
  ByteCursor at(std::uint64_t address) const {
    if (address > bytes_.size()) throw FormatFault{"points beyond the end of the file"};
    return ByteCursor(bytes_.subspan(address));
  }
  std::span<const std::byte> at(std::uint64_t address, std::uint64_t count) const {
    return at(address).take(count);
  }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace checkpoints
