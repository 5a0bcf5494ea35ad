// Long because the structures of an HDF5 file refer to each other: one class follows all of them, within one
// byte budget.
#include "checkpoints/plain_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "checkpoints/byte_cursor.hpp"
#include "checkpoints/error.hpp"
#include "checkpoints/plain_heap.hpp"

namespace checkpoints {
namespace {

constexpr std::size_t kUserBlockBytes = 512, kSuperblockBytes = 48;
constexpr std::size_t kMaxDepth = 32;  // of groups
constexpr std::size_t kMaxRank = 8;
constexpr std::size_t kNamesRatio = 8;  // full paths repeat the names of groups
constexpr std::size_t kChecksumBytes = 4;
constexpr std::uint16_t kFletcher32 = 3;  // number of the filter

// Sizes of B-tree records: a link has its name's hash and heap ID; an attribute has heap ID, flags, order and
// hash.
constexpr std::uint8_t kLinkRecords = 5, kAttributeRecords = 8;
constexpr std::size_t kLinkId = 7, kAttributeId = 8, kLinkRecordBytes = 4 + kLinkId,
                      kAttributeRecordBytes = kAttributeId + 1 + 4 + 4;

enum Message : std::uint8_t {
  kNil = 0x00,
  kDataspace = 0x01,
  kLinkInfo = 0x02,
  kDatatype = 0x03,
  kFillValue = 0x05,
  kLink = 0x06,
  kLayout = 0x08,
  kGroupInfo = 0x0A,
  kFilters = 0x0B,
  kAttribute = 0x0C,
  kContinuation = 0x10,
  kAttributeInfo = 0x15,
  kReferenceCount = 0x16
};

/// Made fit for a message of one line.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

enum class Type { float32, float64, int32, int64, uint64, text };

struct Datatype {
  Type type = Type::text;
  std::size_t bytes = 0;  ///< of a number, or of the text
};

Datatype datatype(std::span<const std::byte> message) {
  // Class and its bits, size, and properties: bit positions (for floats also exponent, mantissa and bias).
  struct Known {
    Type type;
    std::uint8_t kind;
    std::array<std::uint8_t, 3> bits;
    std::size_t bytes;
    std::array<std::uint8_t, 12> properties;
  };
  static constexpr Known kKnown[] = {
      {Type::float32, 1, {0x20, 31, 0}, 4, {0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0}},
      {Type::float64, 1, {0x20, 63, 0}, 8, {0, 0, 64, 0, 52, 11, 0, 52, 0xFF, 3, 0, 0}},
      {Type::int32, 0, {0x08, 0, 0}, 4, {0, 0, 32, 0}},
      {Type::int64, 0, {0x08, 0, 0}, 8, {0, 0, 64, 0}},
      {Type::uint64, 0, {0x00, 0, 0}, 8, {0, 0, 64, 0}},
  };
  constexpr std::uint8_t kText = 3, kNullPadded = 1, kUtf8 = 1 << 4;
  ByteCursor cursor(message);
  const std::uint8_t kind =
      cursor.u8() & 0x0F;  // the upper bits are the version, irrelevant for these classes
  const std::array<std::uint8_t, 3> bits = {cursor.u8(), cursor.u8(), cursor.u8()};
  const std::size_t bytes = cursor.u32();
  if (kind == kText && bits[0] == (kNullPadded | kUtf8) && bits[1] == 0 && bits[2] == 0 && bytes > 0)
    return {Type::text, bytes};
  for (const Known& known : kKnown) {
    const std::size_t properties = known.kind == 1 ? 12 : 4;
    if (kind == known.kind && bits == known.bits && bytes == known.bytes && cursor.left() >= properties &&
        std::memcmp(cursor.rest().data(), known.properties.data(), properties) == 0)
      return {known.type, bytes};
  }
  throw FormatFault{"has a type that snapshots do not use"};
}

/// Reads a shape; empty: a scalar.
std::vector<std::uint64_t> dataspace(std::span<const std::byte> message) {
  ByteCursor cursor(message);
  if (cursor.u8() != 2) throw FormatFault{"has a shape of an unknown version"};
  const std::size_t rank = cursor.u8();
  const std::uint8_t flags = cursor.u8(), kind = cursor.u8();
  if (rank > kMaxRank || flags > 1 || kind > 1 || (kind == 0) != (rank == 0))
    throw FormatFault{"has an invalid shape or more than 8 dimensions"};
  std::vector<std::uint64_t> shape(rank);
  for (auto& n : shape)
    if (n = cursor.u64(); n > INT64_MAX) throw FormatFault{"declares more numbers than the file can hold"};
  if (flags == 1)
    for (auto n : shape)
      if (cursor.u64() != n) throw FormatFault{"can change its shape"};
  return shape;
}

/// The number of elements; checks that they take at most `most` bytes.
std::uint64_t count_of(const std::vector<std::uint64_t>& shape, std::size_t width, std::uint64_t most) {
  std::uint64_t count = 1;
  for (auto n : shape)
    if (n == 0) return 0;
  for (auto n : shape)
    if (__builtin_mul_overflow(count, n, &count) || count > most / width)
      throw FormatFault{"declares more numbers than the file can hold"};
  if (count > most / width) throw FormatFault{"declares more numbers than the file can hold"};
  return count;
}

template <class T>
std::vector<T> numbers_in(std::span<const std::byte> bytes) {
  std::vector<T> numbers(bytes.size() / sizeof(T));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(T));
  return numbers;
}

/// The contents of one object's header.
struct Header {
  std::optional<Datatype> type;
  std::optional<std::vector<std::uint64_t>> shape;
  std::span<const std::byte> layout, filters, link_info, attribute_info;
  std::vector<std::span<const std::byte>> links, attributes;
};

/// Chunks with one filter: their places, in row-major order of the grid.
struct Chunks {
  std::vector<std::uint64_t> shape;  ///< of a chunk
  std::vector<std::uint64_t> grid;   ///< how many along each axis
  std::vector<std::uint64_t> addresses;
};

class PlainReader {
 public:
  PlainReader(std::span<const std::byte> bytes, std::size_t file_bytes, const std::string& name)
      : file_(bytes), bytes_left_(file_bytes), extra_left_(kNamesRatio * file_bytes), archive_(name) {}

  Archive read(std::uint64_t root) {
    std::vector<std::pair<std::string, std::uint64_t>> pending{{"", root}};
    while (!pending.empty()) {
      const auto [path, address] = std::move(pending.back());
      pending.pop_back();
      try {
        read_object(path, address, pending);
      } catch (const FormatFault& fault) {
        throw BadData(fmt::format("{}: /{} {}; such files are not supported", archive_.name(),
                                  printable(path), fault.what));
      }
    }
    return std::move(archive_);
  }

 private:
  void read_object(const std::string& path, std::uint64_t address,
                   std::vector<std::pair<std::string, std::uint64_t>>& pending) {
    if (!seen_.insert(address).second) throw FormatFault{"is reached twice"};
    const Header header = read_header(address);
    const bool is_array = header.type || header.shape || !header.layout.empty() || !header.filters.empty();
    const bool is_group = !header.link_info.empty();
    if (is_array == is_group) throw FormatFault{"is neither a group nor an array"};
    if (is_array) {
      if (!header.links.empty()) throw FormatFault{"is neither a group nor an array"};
      if (path.empty()) throw FormatFault{"is an array, where a group must be"};
      read_array(header, path);
    } else {
      read_links(header, path, pending);
    }
    read_attributes(header, path);
  }

  Header read_header(std::uint64_t address) {
    ByteCursor cursor = file_.at(address);
    cursor.signature("OHDR", 2);
    const std::uint8_t flags = cursor.u8();
    if (flags & 0x20) cursor.take(16);  // times
    if (flags & 0x10) cursor.take(4);   // limits at which attributes move into a heap
    Header header;
    std::vector<std::span<const std::byte>> pending{
        cursor.take(cursor.number(std::size_t{1} << (flags & 3)))};
    const std::size_t message_header = flags & 0x04 ? 6 : 4;
    while (!pending.empty()) {
      ByteCursor messages(pending.back());
      pending.pop_back();
      if (messages.left() > header_bytes_left())
        throw FormatFault{"and the objects before it have larger headers than the file can hold"};
      header_bytes_ += messages.left() + 1;
      while (messages.left() >= message_header) {
        const std::uint8_t type = messages.u8();
        const std::size_t size = messages.u16();
        const std::uint8_t message_flags = messages.u8();
        messages.take(message_header - 4);
        const auto content = messages.take(size);
        if (message_flags & 0x02) throw FormatFault{"shares a part of its header"};
        if (type == kContinuation) {
          ByteCursor where(content);
          const std::uint64_t at = where.u64(), count = where.u64();
          ByteCursor chunk(file_.at(at, count));
          if (chunk.text(4) != "OCHK" || chunk.left() < kChecksumBytes)
            throw FormatFault{"has a malformed header continuation"};
          pending.push_back(chunk.take(chunk.left() - kChecksumBytes));
        } else {
          note(header, type, content);
        }
      }
    }
    return header;
  }

  static void note(Header& header, std::uint8_t type, std::span<const std::byte> content) {
    auto once = [&](std::span<const std::byte>& place) {
      if (!place.empty() || content.empty()) throw FormatFault{"has a repeated or empty header message"};
      place = content;
    };
    switch (type) {
      case kNil:
      case kFillValue:
      case kGroupInfo:
        break;  // irrelevant: every number is stored
      case kDataspace:
        if (header.shape) throw FormatFault{"has two shapes"};
        header.shape = dataspace(content);
        break;
      case kDatatype:
        if (header.type) throw FormatFault{"has two types"};
        header.type = datatype(content);
        break;
      case kLinkInfo:
        once(header.link_info);
        break;
      case kLayout:
        once(header.layout);
        break;
      case kFilters:
        once(header.filters);
        break;
      case kAttributeInfo:
        once(header.attribute_info);
        break;
      case kLink:
        header.links.push_back(content);
        break;
      case kAttribute:
        header.attributes.push_back(content);
        break;
      case kReferenceCount:
        throw FormatFault{"is reached twice"};
      default:
        throw FormatFault{fmt::format("has a header message of type {}, which is not supported", type)};
    }
  }

  /// Addresses of the heap and of the index by name, for links (largest order: 8 bytes) or attributes (2
  /// bytes).
  static std::pair<std::uint64_t, std::uint64_t> dense_storage(std::span<const std::byte> info,
                                                               std::size_t order_bytes) {
    ByteCursor cursor(info);
    if (cursor.u8() != 0) throw FormatFault{"has a header message of an unknown version"};
    if (cursor.u8() & 1) cursor.take(order_bytes);
    const std::uint64_t heap = cursor.u64();
    return {heap, cursor.u64()};
  }

  void read_links(const Header& header, const std::string& path,
                  std::vector<std::pair<std::string, std::uint64_t>>& pending) {
    if (std::count(path.begin(), path.end(), '/') >= static_cast<std::ptrdiff_t>(kMaxDepth))
      throw FormatFault{"is nested too deep"};
    std::set<std::string> names;
    auto follow = [&](std::span<const std::byte> message) {
      auto [name, address] = link(message);
      if (!names.insert(name).second) throw FormatFault{"holds two objects of the same name"};
      spend(path.size() + name.size());
      pending.emplace_back(path.empty() ? name : path + "/" + name, address);
    };
    for (const auto& message : header.links) follow(message);
    const auto [heap_address, index] = dense_storage(header.link_info, 8);
    if (heap_address == kNowhere) return;
    const PlainHeap& heap = heap_at(heap_address);
    for_each_record(file_, tree_budget_, index, kLinkRecords, kLinkRecordBytes, [&](ByteCursor record) {
      record.take(4);
      follow(heap.object(record.take(kLinkId)));
    });
  }

  /// Opens each heap once, however many objects refer to it.
  const PlainHeap& heap_at(std::uint64_t address) {
    return heaps_.try_emplace(address, file_, tree_budget_, address).first->second;
  }

  /// Limits names and attributes: they may overlap in the heaps of a malicious file, and a small file would
  /// then take much memory and time.
  void spend(std::size_t bytes) {
    constexpr std::size_t kEach = 32;  // the smallest size of one in a file
    if (bytes + kEach > extra_left_)
      throw FormatFault{"and the objects before it have more names and attributes than the file can hold"};
    extra_left_ -= bytes + kEach;
  }

  /// Reads a hard link: its name and target.
  static std::pair<std::string, std::uint64_t> link(std::span<const std::byte> message) {
    ByteCursor cursor(message);
    if (cursor.u8() != 1) throw FormatFault{"has a link of an unknown version"};
    const std::uint8_t flags = cursor.u8();
    const std::uint8_t kind = flags & 0x08 ? cursor.u8() : 0;
    if (flags & 0x04) cursor.take(8);  // order
    if (flags & 0x10) cursor.take(1);  // ASCII or UTF-8
    std::string name = cursor.text(cursor.number(std::size_t{1} << (flags & 3)));
    if (kind != 0)
      throw FormatFault{fmt::format("has a link \"{}\" that is {}", printable(name),
                                    kind == 1 ? "a soft link" : "a link to outside")};
    if (!is_proper_name(name) || name == "." || name == ".." || name.find('/') != std::string::npos)
      throw FormatFault{fmt::format("has a link with an improper name, \"{}\"", printable(name))};
    return {std::move(name), cursor.u64()};
  }

  void read_attributes(const Header& header, const std::string& path) {
    for (const auto& message : header.attributes) read_attribute(message, path);
    if (header.attribute_info.empty()) return;
    const auto [heap_address, index] = dense_storage(header.attribute_info, 2);
    if (heap_address == kNowhere) return;
    const PlainHeap& heap = heap_at(heap_address);
    for_each_record(file_, tree_budget_, index, kAttributeRecords, kAttributeRecordBytes,
                    [&](ByteCursor record) {
                      const auto id = record.take(kAttributeId);
                      if (record.u8() & 0x02) throw FormatFault{"shares an attribute"};
                      read_attribute(heap.object(id), path);
                    });
  }

  void read_attribute(std::span<const std::byte> message, const std::string& path) {
    spend(message.size());
    ByteCursor cursor(message);
    if (cursor.u8() != 3 || cursor.u8() != 0)
      throw FormatFault{"has an attribute of an unknown version, or one that shares a type"};
    const std::size_t name_bytes = cursor.u16(), type_bytes = cursor.u16(), shape_bytes = cursor.u16();
    cursor.take(1);  // ASCII or UTF-8
    std::string name = cursor.text(name_bytes);
    if (!name.empty() && name.back() == '\0') name.pop_back();
    if (!is_proper_name(name))
      throw FormatFault{fmt::format("has an attribute with an improper name, \"{}\"", printable(name))};
    try {
      const Datatype type = datatype(cursor.take(type_bytes));
      const auto shape = dataspace(cursor.take(shape_bytes));
      const std::uint64_t count = count_of(shape, type.bytes, cursor.left());
      const auto known = archive_.attributes().find(path);
      if (known != archive_.attributes().end() && known->second.contains(name))
        throw FormatFault{"exists twice"};
      archive_.set(path, name, attribute_value(type, shape, cursor.take(count * type.bytes)));
    } catch (const FormatFault& fault) {
      throw FormatFault{fmt::format("has an attribute \"{}\" that {}", printable(name), fault.what)};
    }
  }

  static Attribute attribute_value(const Datatype& type, const std::vector<std::uint64_t>& shape,
                                   std::span<const std::byte> bytes) {
    if (type.type == Type::text && shape.empty()) {
      std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      text.erase(std::min(text.find('\0'), text.size()));
      return text;
    }
    if (shape.size() > 1 || (type.type != Type::int64 && type.type != Type::float64))
      throw FormatFault{"is neither a number nor a list of numbers nor a text"};
    if (type.type == Type::int64) {
      auto numbers = numbers_in<std::int64_t>(bytes);
      return shape.empty() ? Attribute(numbers.at(0)) : Attribute(std::move(numbers));
    }
    auto numbers = numbers_in<double>(bytes);
    return shape.empty() ? Attribute(numbers.at(0)) : Attribute(std::move(numbers));
  }

  void read_array(const Header& header, const std::string& path) {
    if (!header.type || !header.shape || header.layout.empty())
      throw FormatFault{"is an array without a type, a shape or a storage layout"};
    if (!header.filters.empty()) require_checksums(header.filters);
    const Datatype type = *header.type;
    if (type.type == Type::text) throw FormatFault{"is an array of texts"};
    const std::uint64_t bytes = count_of(*header.shape, type.bytes, bytes_left_) * type.bytes;
    bytes_left_ -= bytes;
    std::vector<std::byte> gathered;
    const auto data = array_bytes(header, type.bytes, bytes, gathered);
    Array array;
    array.shape.assign(header.shape->begin(), header.shape->end());
    switch (type.type) {
      case Type::float32:
        array.data = numbers_in<float>(data);
        break;
      case Type::float64:
        array.data = numbers_in<double>(data);
        break;
      case Type::int32:
        array.data = numbers_in<std::int32_t>(data);
        break;
      case Type::int64:
        array.data = numbers_in<std::int64_t>(data);
        break;
      case Type::uint64:
        array.data = numbers_in<std::uint64_t>(data);
        break;
      case Type::text:
        break;
    }
    archive_.put(path, std::move(array));
  }

  /// The array's bytes in C order: directly in the file if stored so, else copied into `gathered`.
  std::span<const std::byte> array_bytes(const Header& header, std::size_t width, std::uint64_t bytes,
                                         std::vector<std::byte>& gathered) const {
    constexpr std::uint8_t kCompact = 0, kContiguous = 1, kChunked = 2, kVirtual = 3;
    ByteCursor layout(header.layout);
    const std::uint8_t version = layout.u8(), kind = layout.u8();
    if (kind == kContiguous) throw FormatFault{"is stored neither in its header nor in chunks"};
    if (kind == kVirtual) throw FormatFault{"is a virtual array"};
    if (kind == kCompact && (version == 3 || version == 4)) {
      if (!header.filters.empty()) throw FormatFault{"is stored in its header and has a filter"};
      const std::size_t stored = layout.u16();
      if (stored != bytes)
        throw FormatFault{fmt::format("declares {} bytes where {} are stored", bytes, stored)};
      return layout.take(stored);
    }
    if (kind != kChunked || version != 4) throw FormatFault{"has a storage layout that snapshots do not use"};
    if (header.filters.empty()) throw FormatFault{"is in chunks without checksums"};
    const Chunks chunks = find_chunks(layout, *header.shape, width);
    std::uint64_t chunk_bytes = width;
    for (auto n : chunks.shape) chunk_bytes *= n;
    if (chunks.addresses.size() == 1 && chunk_bytes == bytes)
      return file_.at(chunks.addresses[0], chunk_bytes);
    gathered.resize(bytes);
    for (std::size_t i = 0; i < chunks.addresses.size(); ++i)
      place(chunks, i, file_.at(chunks.addresses[i], chunk_bytes), *header.shape, width, gathered);
    return gathered;
  }

  static void require_checksums(std::span<const std::byte> filters) {
    ByteCursor cursor(filters);
    const std::uint8_t version = cursor.u8(), count = cursor.u8();
    const std::uint16_t filter = cursor.u16();
    if (version != 2 || count == 0) throw FormatFault{"has filters of an unknown version"};
    if (count > 1 || filter != kFletcher32)
      throw FormatFault{fmt::format("uses filter number {}, or more than one filter", filter)};
  }

  Chunks find_chunks(ByteCursor layout, const std::vector<std::uint64_t>& shape, std::size_t width) const {
    constexpr std::uint8_t kOneWithFilter = 2, kOneChunk = 1, kFixedArray = 3;
    const std::uint8_t flags = layout.u8();
    const std::size_t axes = layout.u8(), number_bytes = layout.u8();
    if (axes != shape.size() + 1 || shape.empty()) throw FormatFault{"has chunks of another rank"};
    Chunks chunks;
    std::uint64_t chunk_bytes = width, count = 1;
    for (std::uint64_t n : shape) {
      const std::uint64_t length = layout.number(number_bytes);
      if (length == 0 || length > n || __builtin_mul_overflow(chunk_bytes, length, &chunk_bytes))
        throw FormatFault{"has chunks larger than the array"};
      chunks.shape.push_back(length);
      chunks.grid.push_back((n + length - 1) / length);
      if (__builtin_mul_overflow(count, chunks.grid.back(), &count))
        throw FormatFault{"has more chunks than the file can hold"};
    }
    if (layout.number(number_bytes) != width) throw FormatFault{"has chunks of another type"};
    if (count > file_.bytes() / (chunk_bytes + kChecksumBytes))
      throw FormatFault{"has more chunks than the file can hold"};
    auto check = [&](std::uint64_t stored, std::uint32_t skipped_filters) {
      if (stored != chunk_bytes + kChecksumBytes || skipped_filters != 0)
        throw FormatFault{"has a chunk of the wrong size or without a checksum"};
    };
    const std::uint8_t index = layout.u8();
    if (index == kOneChunk && flags == kOneWithFilter && count == 1) {
      const std::uint64_t stored = layout.u64();
      check(stored, layout.u32());
      chunks.addresses.push_back(layout.u64());
    } else if (index == kFixedArray && flags == 0) {
      layout.take(1);  // page size, which the array repeats
      auto [elements, size_bytes] = fixed_array(layout.u64(), count);
      for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t address = elements.u64(), stored = elements.number(size_bytes);
        check(stored, elements.u32());
        chunks.addresses.push_back(address);
      }
    } else {
      throw FormatFault{"has a chunk index that snapshots do not use"};
    }
    for (auto address : chunks.addresses)
      file_.at(address, chunk_bytes + kChecksumBytes);  // checks that all of it lies in the file
    return chunks;
  }

  /// The elements of a fixed array of `count` filtered chunks, and how many bytes of each hold the chunk's
  /// size.
  std::pair<ByteCursor, std::size_t> fixed_array(std::uint64_t address, std::uint64_t count) const {
    constexpr std::uint8_t kFilteredChunks = 1;
    constexpr std::size_t kAddressAndMask = 12;
    ByteCursor header = file_.at(address);
    header.signature("FAHD", 0);
    const std::uint8_t client = header.u8(), element = header.u8(), page_bits = header.u8();
    const std::uint64_t elements = header.u64();
    if (client != kFilteredChunks || element <= kAddressAndMask || element > kAddressAndMask + 8 ||
        elements != count)
      throw FormatFault{"has an index of chunks of another kind"};
    if (page_bits > 63 || count > std::uint64_t{1} << page_bits)
      throw FormatFault{"has more chunks than snapshots do"};
    ByteCursor block = file_.at(header.u64());
    block.signature("FADB", 0);
    if (block.u8() != client) throw FormatFault{"has an index of chunks of another kind"};
    block.take(8);  // the header's address
    return {block, element - kAddressAndMask};
  }

  /// Copies the part of chunk number i that lies in the array.
  static void place(const Chunks& chunks, std::size_t i, std::span<const std::byte> from,
                    const std::vector<std::uint64_t>& shape, std::size_t width, std::vector<std::byte>& to) {
    const std::size_t rank = shape.size();
    std::vector<std::uint64_t> begin(rank), length(rank), at(rank);
    for (std::size_t axis = rank; axis-- > 0; i /= chunks.grid[axis]) {
      begin[axis] = i % chunks.grid[axis] * chunks.shape[axis];
      length[axis] = std::min(chunks.shape[axis], shape[axis] - begin[axis]);
    }
    for (;;) {  // one row along the last axis at a time
      std::uint64_t source = 0, target = 0;
      for (std::size_t axis = 0; axis < rank; ++axis) {
        source = source * chunks.shape[axis] + at[axis];
        target = target * shape[axis] + begin[axis] + at[axis];
      }
      std::memcpy(to.data() + target * width, from.data() + source * width, length[rank - 1] * width);
      std::size_t axis = rank - 1;
      while (axis > 0 && ++at[axis - 1] == length[axis - 1]) at[--axis] = 0;
      if (axis == 0) return;
    }
  }

  std::size_t header_bytes_left() const { return file_.bytes() - std::min(header_bytes_, file_.bytes()); }

  AddressSpace file_;
  std::size_t bytes_left_;        ///< that the remaining arrays may declare in total
  std::size_t extra_left_;        ///< that the remaining paths and attributes may take
  std::size_t header_bytes_ = 0;  ///< read so far: no header is read twice
  Archive archive_;
  std::set<std::uint64_t> seen_;  ///< objects
  TreeBudget tree_budget_{file_.bytes()};
  std::map<std::uint64_t, PlainHeap> heaps_;
};

}  // namespace

Archive read_plain(std::span<const std::byte> bytes, const std::string& name) {
  constexpr char kSignature[] = "\211HDF\r\n\032\n";
  auto refuse = [&](const std::string& what) { return BadData(fmt::format("{}: {}", name, what)); };
  auto begins_at = [&](std::size_t at) {
    return bytes.size() >= at + kSuperblockBytes && std::memcmp(bytes.data() + at, kSignature, 8) == 0;
  };
  const std::size_t base = begins_at(0) ? 0 : kUserBlockBytes;
  if (!begins_at(base)) throw refuse("damaged, or not an HDF5 file: it has no signature");
  ByteCursor block(bytes.subspan(base + 8));
  const std::uint8_t version = block.u8(), address_bytes = block.u8(), length_bytes = block.u8(),
                     flags = block.u8();
  const std::uint64_t base_address = block.u64(), extension = block.u64(), end = block.u64(),
                      root = block.u64();
  if (version != 3 || address_bytes != 8 || length_bytes != 8)
    throw refuse("is not in the HDF5 format of snapshots (superblock version 3)");
  if (flags != 0 || extension != kNowhere)
    throw refuse("has an extended superblock, or was not closed; such files are not supported");
  if (base_address != base || end != bytes.size())
    throw refuse(fmt::format("damaged: the superblock declares bytes {} to {}, the file has {}", base_address,
                             end, bytes.size()));
  return PlainReader(bytes.subspan(base), bytes.size(), name).read(root);
}

}  // namespace checkpoints
