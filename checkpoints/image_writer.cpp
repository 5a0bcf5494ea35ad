// Writes HDF5 without libhdf5, whose version 1.10.8 crashes when it gets no memory (bench/RESULTS.md,
// "Snapshots under attack"); a snapshot needs only a small part of the format. Numbers in comments are
// sections of the "HDF5 File Format Specification Version 3.0".
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "checkpoints/image.hpp"
#include "checkpoints/metadata_checksum.hpp"

namespace checkpoints {
namespace {

constexpr std::size_t kCompactBytes = 4096;                // in the object header
constexpr std::size_t kChunkBytes = std::size_t{1} << 24;  // a chunk is checked and read as a whole
constexpr std::size_t kChecksumBytes = 4;
constexpr std::uint64_t kNowhere = UINT64_MAX;
constexpr std::uint8_t kPageBits = 20;  // an index of up to 2^20 chunks has one page

/// Bytes at the end of a growing vector.
class Output {
 public:
  explicit Output(std::vector<std::byte>& bytes) : bytes_(bytes) {}
  void raw(std::span<const std::byte> from) { bytes_.insert(bytes_.end(), from.begin(), from.end()); }
  void text(const std::string& from) { raw(std::as_bytes(std::span(from))); }
  /// The low `count` bytes of a number, little-endian.
  void number(std::uint64_t value, std::size_t count) {
    raw(std::as_bytes(std::span(&value, 1)).first(count));
  }
  void u8(std::uint64_t value) { number(value, 1); }
  void u16(std::uint64_t value) { number(value, 2); }
  void u32(std::uint64_t value) { number(value, 4); }
  void u64(std::uint64_t value) { number(value, 8); }
  std::size_t size() const { return bytes_.size(); }
  /// Appends the checksum of all metadata from `begin` on.
  void checksum(std::size_t begin) { u32(metadata_checksum(std::span(bytes_).subspan(begin))); }

 private:
  std::vector<std::byte>& bytes_;
};

/// The messages of an object header.
class Messages {
 public:
  enum Type : std::uint8_t {
    dataspace = 1,
    link_info = 2,
    datatype = 3,
    fill_value = 5,
    link = 6,
    layout = 8,
    group_info = 10,
    filters = 11,
    attribute = 12
  };

  template <class Fill>
  void add(Type type, Fill fill) {
    std::vector<std::byte> content;
    fill(Output(content));
    Output out(bytes_);
    out.u8(type);
    out.u16(content.size());
    out.u8(0);
    out.raw(content);
  }
  void append(const Messages& more) { bytes_.insert(bytes_.end(), more.bytes_.begin(), more.bytes_.end()); }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// IV.A.2.d
template <class T>
void write_type(Output out) {
  out.u8(0x10 | (std::is_floating_point_v<T> ? 1 : 0));  // version and class
  if constexpr (std::is_floating_point_v<T>) {
    out.u8(0x20);  // little-endian, the mantissa's first bit is implied
    out.u8(8 * sizeof(T) - 1), out.u8(0);
    out.u32(sizeof(T)), out.u16(0), out.u16(8 * sizeof(T));
    const bool wide = sizeof(T) == 8;
    out.u8(wide ? 52 : 23), out.u8(wide ? 11 : 8), out.u8(0), out.u8(wide ? 52 : 23);
    out.u32(wide ? 1023 : 127);
  } else {
    out.u8(std::is_signed_v<T> ? 0x08 : 0), out.u8(0), out.u8(0);
    out.u32(sizeof(T)), out.u16(0), out.u16(8 * sizeof(T));
  }
}

/// Of fixed length, padded with zeros, UTF-8.
void write_text_type(Output out, std::size_t bytes) {
  out.u8(0x13), out.u8(0x11), out.u8(0), out.u8(0);
  out.u32(bytes);
}

/// IV.A.2.b
void write_space(Output out, const std::vector<std::uint64_t>& shape, bool is_scalar) {
  out.u8(2), out.u8(shape.size()), out.u8(0), out.u8(is_scalar ? 0 : 1);
  for (auto n : shape) out.u64(n);
}

/// IV.A.2.m
template <class Type>
void add_attribute(Messages& messages, const std::string& name, Type write_its_type,
                   const std::vector<std::uint64_t>& shape, bool is_scalar, std::span<const std::byte> data) {
  if (data.size() > kMaxAttributeBytes)
    throw std::invalid_argument(
        fmt::format("[image] attribute {} is too long: {} bytes (at most {}); make it an array", name,
                    data.size(), kMaxAttributeBytes));
  std::vector<std::byte> type, space;
  write_its_type(Output(type));
  write_space(Output(space), shape, is_scalar);
  messages.add(Messages::attribute, [&](Output out) {
    out.u8(3), out.u8(0);
    out.u16(name.size() + 1), out.u16(type.size()), out.u16(space.size());
    out.u8(1);  // the name is UTF-8
    out.text(name), out.u8(0);
    out.raw(type), out.raw(space), out.raw(data);
  });
}

struct AttributeWriter {
  Messages& messages;
  const std::string& name;

  void operator()(std::int64_t value) const { add(std::span<const std::int64_t>(&value, 1), {}, true); }
  void operator()(double value) const { add(std::span<const double>(&value, 1), {}, true); }
  void operator()(const std::string& text) const {
    const std::string stored = text.empty() ? std::string(1, '\0') : text;  // HDF5 has no text of length 0
    add_attribute(
        messages, name, [&](Output out) { write_text_type(out, stored.size()); }, {}, true,
        std::as_bytes(std::span(stored)));
  }
  template <class T>
  void operator()(const std::vector<T>& values) const {
    add(std::span<const T>(values), {values.size()}, false);
  }

 private:
  template <class T>
  void add(std::span<const T> values, const std::vector<std::uint64_t>& shape, bool is_scalar) const {
    add_attribute(messages, name, write_type<T>, shape, is_scalar, std::as_bytes(values));
  }
};

/// The file from its base address on. Children are written before the groups that link to them.
class Body {
 public:
  Body(std::vector<std::byte>& bytes, std::size_t base) : out_(bytes), base_(base) {}

  /// Its address.
  std::uint64_t write_header(const Messages& messages) {
    const std::size_t begin = out_.size();
    out_.text("OHDR");
    out_.u8(2), out_.u8(2);  // version; the size takes four bytes, no times
    out_.u32(messages.bytes().size());
    out_.raw(messages.bytes());
    out_.checksum(begin);
    return begin - base_;
  }

  template <class T>
  std::uint64_t write_array(const std::vector<std::uint64_t>& shape, const std::vector<T>& data,
                            Messages messages) {
    const auto bytes = std::as_bytes(std::span(data));
    const bool is_compact = shape.empty() || bytes.size() <= kCompactBytes;
    messages.add(Messages::dataspace, [&](Output out) { write_space(out, shape, shape.empty()); });
    messages.add(Messages::datatype, write_type<T>);
    messages.add(Messages::fill_value, [&](Output out) {
      out.u8(3), out.u8(is_compact ? 0x09 : 0x0B);
    });  // no fill value; allocated early, or chunk by chunk
    if (is_compact) {
      messages.add(Messages::layout, [&](Output out) {
        out.u8(3), out.u8(0);
        out.u16(bytes.size());
        out.raw(bytes);
      });
    } else {
      add_chunks(messages, shape, sizeof(T), bytes);
    }
    return write_header(messages);
  }

 private:
  /// Chunk shape of up to 16 MiB: as many whole rows along the first axis as fit; if none fits, one index
  /// along that axis and the same rule for the next axis.
  static std::vector<std::uint64_t> chunk_shape(std::vector<std::uint64_t> chunk, std::size_t bytes) {
    for (std::size_t axis = 0; axis < chunk.size() && bytes > kChunkBytes; ++axis) {
      const std::size_t row = bytes / chunk[axis];
      chunk[axis] = std::max<std::uint64_t>(1, kChunkBytes / row);
      bytes = row * chunk[axis];
    }
    return chunk;
  }

  void add_chunks(Messages& messages, const std::vector<std::uint64_t>& shape, std::size_t width,
                  std::span<const std::byte> data) {
    const auto chunk = chunk_shape(shape, data.size());
    std::size_t chunk_bytes = width, count = 1;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      chunk_bytes *= chunk[axis];
      count *= (shape[axis] + chunk[axis] - 1) / chunk[axis];
    }
    messages.add(Messages::filters,
                 [](Output out) { out.u8(2), out.u8(1), out.u16(3), out.u16(0), out.u16(0); });  // Fletcher32
    std::vector<std::uint64_t> addresses;
    if (count == 1) {
      addresses.push_back(write_chunk(data));
    } else {
      std::vector<std::byte> gathered;
      for (std::size_t i = 0; i < count; ++i) {
        gather(i, chunk, shape, width, data, gathered, chunk_bytes);
        addresses.push_back(write_chunk(gathered));
      }
    }
    const std::uint64_t index = count == 1 ? kNowhere : write_index(addresses, chunk_bytes);
    messages.add(Messages::layout, [&](Output out) {  // IV.A.2.i, version 4
      out.u8(4), out.u8(2);
      out.u8(count == 1 ? 2 : 0);  // one chunk with a filter
      out.u8(shape.size() + 1), out.u8(8);
      for (auto n : chunk) out.u64(n);
      out.u64(width);
      if (count == 1) {
        out.u8(1), out.u64(chunk_bytes + kChecksumBytes), out.u32(0), out.u64(addresses[0]);
      } else {
        out.u8(3), out.u8(kPageBits), out.u64(index);
      }
    });
  }

  std::uint64_t write_chunk(std::span<const std::byte> data) {
    const std::uint64_t address = out_.size() - base_;
    out_.raw(data);
    out_.u32(fletcher32(data));
    return address;
  }

  /// Chunk number i in row-major order; zeros where it overhangs the array.
  static void gather(std::size_t i, const std::vector<std::uint64_t>& chunk,
                     const std::vector<std::uint64_t>& shape, std::size_t width,
                     std::span<const std::byte> data, std::vector<std::byte>& to, std::size_t chunk_bytes) {
    const std::size_t rank = shape.size();
    std::vector<std::uint64_t> begin(rank), length(rank), at(rank);
    for (std::size_t axis = rank; axis-- > 0;) {
      const std::uint64_t grid = (shape[axis] + chunk[axis] - 1) / chunk[axis];
      begin[axis] = i % grid * chunk[axis];
      length[axis] = std::min(chunk[axis], shape[axis] - begin[axis]);
      i /= grid;
    }
    to.assign(chunk_bytes, std::byte{0});
    for (;;) {  // one row along the last axis at a time
      std::uint64_t source = 0, target = 0;
      for (std::size_t axis = 0; axis < rank; ++axis) {
        source = source * shape[axis] + begin[axis] + at[axis];
        target = target * chunk[axis] + at[axis];
      }
      std::memcpy(to.data() + target * width, data.data() + source * width, length[rank - 1] * width);
      std::size_t axis = rank - 1;
      while (axis > 0 && ++at[axis - 1] == length[axis - 1]) at[--axis] = 0;
      if (axis == 0) return;
    }
  }

  /// A fixed array of filtered chunks, VII.C: for each chunk its address, its size in as many bytes as
  /// libhdf5 uses, and which filters were skipped.
  std::uint64_t write_index(const std::vector<std::uint64_t>& addresses, std::size_t chunk_bytes) {
    constexpr std::size_t kHeaderBytes = 28;
    const std::size_t size_bytes =
        std::min<std::size_t>(8, 1 + (static_cast<std::size_t>(std::bit_width(chunk_bytes)) - 1 + 8) / 8);
    const std::size_t header = out_.size(), block = header + kHeaderBytes;
    out_.text("FAHD"), out_.u8(0), out_.u8(1);
    out_.u8(8 + size_bytes + 4), out_.u8(kPageBits);
    out_.u64(addresses.size()), out_.u64(block - base_);
    out_.checksum(header);
    out_.text("FADB"), out_.u8(0), out_.u8(1);
    out_.u64(header - base_);
    for (auto address : addresses)
      out_.u64(address), out_.number(chunk_bytes + kChecksumBytes, size_bytes), out_.u32(0);
    out_.checksum(block);
    return header - base_;
  }

  Output out_;
  std::size_t base_;
};

/// IV.A.2.g
void add_link(Messages& messages, const std::string& name, std::uint64_t address) {
  messages.add(Messages::link, [&](Output out) {
    out.u8(1), out.u8(0x11), out.u8(1);  // hard; the name is UTF-8, its length takes two bytes
    out.u16(name.size()), out.text(name);
    out.u64(address);
  });
}

/// II.A, version 3: 48 bytes.
void write_superblock(Output out, std::size_t base, std::size_t end, std::uint64_t root) {
  const std::size_t begin = out.size();
  out.text("\211HDF\r\n\032\n");
  out.u8(3), out.u8(8), out.u8(8), out.u8(0);
  out.u64(base), out.u64(kNowhere), out.u64(end), out.u64(root);
  out.checksum(begin);
}

/// Upper bound of the image's size, reserved so that it is not reallocated while it grows.
std::size_t most_bytes(const Archive& archive, std::size_t user_block) {
  std::size_t bytes = user_block + 1024;
  for (const auto& [path, array] : archive.arrays())
    bytes += 512 + 24 * array.shape.size() + path.size() +
             std::visit([](const auto& v) { return v.size() * sizeof(v[0]); }, array.data);
  for (const auto& path : archive.groups()) bytes += 128 + path.size();
  for (const auto& [path, values] : archive.attributes())
    for (const auto& [name, value] : values)
      bytes += 128 + name.size() +
               (std::holds_alternative<std::string>(value) ? std::get<std::string>(value).size() : 8);
  return bytes;
}

}  // namespace

std::vector<std::byte> to_image(const Archive& archive, std::size_t user_block) {
  constexpr std::size_t kSuperblockBytes = 48;
  std::vector<std::byte> bytes;
  bytes.reserve(most_bytes(archive, user_block));
  bytes.resize(user_block + kSuperblockBytes);
  Body body(bytes, user_block);

  std::map<std::string, Messages> links;  // of each group, by its path
  auto link = [&](const std::string& path, std::uint64_t address) {
    const std::size_t slash = path.find_last_of('/');
    add_link(links[slash == std::string::npos ? "" : path.substr(0, slash)],
             slash == std::string::npos ? path : path.substr(slash + 1), address);
  };
  auto attributes_of = [&](const std::string& path, Messages& messages) {
    const auto found = archive.attributes().find(path);
    if (found == archive.attributes().end()) return;
    for (const auto& [name, value] : found->second) std::visit(AttributeWriter{messages, name}, value);
  };
  for (const auto& [path, array] : archive.arrays()) {
    constexpr std::size_t kMaxRank = 8;
    constexpr std::ptrdiff_t kMaxDepth = 32;  // the reader's limits, so that every saved file can be loaded
    if (array.shape.size() > kMaxRank || std::count(path.begin(), path.end(), '/') > kMaxDepth)
      throw std::invalid_argument(
          fmt::format("[image] /{}: has more than {} dimensions or is more than {} groups deep", path,
                      kMaxRank, kMaxDepth));
    Messages messages;
    attributes_of(path, messages);
    const std::vector<std::uint64_t> shape(array.shape.begin(), array.shape.end());
    link(path,
         std::visit([&](const auto& data) { return body.write_array(shape, data, std::move(messages)); },
                    array.data));
  }
  auto write_group = [&](const std::string& path) {
    Messages messages;
    messages.add(Messages::link_info,
                 [](Output out) { out.u8(0), out.u8(0), out.u64(kNowhere), out.u64(kNowhere); });
    messages.add(Messages::group_info, [](Output out) { out.u8(0), out.u8(0); });
    attributes_of(path, messages);
    messages.append(links[path]);
    return body.write_header(messages);
  };
  const auto groups = archive.groups();
  for (auto path = groups.rbegin(); path != groups.rend(); ++path) link(*path, write_group(*path));
  const std::uint64_t root = write_group("");
  std::vector<std::byte> superblock;
  write_superblock(Output(superblock), user_block, bytes.size(), root);
  std::copy(superblock.begin(), superblock.end(), bytes.begin() + static_cast<std::ptrdiff_t>(user_block));
  return bytes;
}

}  // namespace checkpoints
