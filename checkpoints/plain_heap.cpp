#include "checkpoints/plain_heap.hpp"

#include <algorithm>
#include <bit>
#include <vector>

namespace checkpoints {
namespace {

constexpr std::size_t kNodeOverhead = 10;  // signature, version, type and checksum of a B-tree node
constexpr unsigned kDeepest = 8;           // levels of a B-tree; no file has 45^8 links
constexpr unsigned kMostRows = 40;         // of a heap: 2^40 first blocks
constexpr std::uint64_t kLargestBlock = std::uint64_t{1} << 32;
constexpr std::uint8_t kHugeRecords = 1;
constexpr std::size_t kHugeRecordBytes = 24;

/// Bytes that HDF5 uses for numbers up to `limit`.
std::size_t bytes_for(std::uint64_t limit) {
  return (static_cast<std::size_t>(std::bit_width(limit | 1)) - 1) / 8 + 1;
}

struct Node {
  std::uint64_t address = 0, records = 0;
  unsigned depth = 0;  ///< 0: a leaf
};

}  // namespace

void for_each_record(const AddressSpace& file, TreeBudget& budget, std::uint64_t address, std::uint8_t type,
                     std::size_t record_bytes, const std::function<void(ByteCursor)>& visit) {
  ByteCursor header = file.at(address);
  header.signature("BTHD", 0);
  const std::uint8_t found_type = header.u8();
  const std::size_t node_bytes = header.u32(), found_bytes = header.u16();
  Node root;
  root.depth = header.u16();
  header.take(2);  // when nodes are split and merged
  root.address = header.u64();
  root.records = header.u16();
  if (found_type != type || found_bytes != record_bytes || root.depth > kDeepest || node_bytes < 64)
    throw FormatFault{"has a B-tree of another kind"};
  if (root.address == kNowhere) return;  // no records

  // The largest record count of a node at each depth determines how many bytes a count takes.
  const std::size_t leaf_records = (node_bytes - kNodeOverhead) / record_bytes,
                    count_bytes = bytes_for(leaf_records);
  std::vector<std::size_t> total_bytes = {0};  // of the count of all records below a child, by depth
  std::uint64_t below = leaf_records;
  for (unsigned depth = 1; depth < root.depth; ++depth) {
    const std::size_t pointer = 8 + count_bytes + total_bytes.back();
    const std::uint64_t most = node_bytes > kNodeOverhead + pointer
                                   ? (node_bytes - kNodeOverhead - pointer) / (record_bytes + pointer)
                                   : 0;
    if (most == 0 || __builtin_mul_overflow(most + 1, below, &below) ||
        __builtin_add_overflow(below, most, &below))
      throw FormatFault{"has a B-tree of another kind"};
    total_bytes.push_back(bytes_for(below));
  }

  std::vector<Node> pending = {root};
  while (!pending.empty()) {
    const Node node = pending.back();
    pending.pop_back();
    if (node_bytes > budget.bytes)
      throw FormatFault{"and the objects before it have larger B-trees than the file can hold"};
    budget.bytes -= node_bytes;
    ByteCursor cursor(file.at(node.address, node_bytes));
    cursor.signature(node.depth == 0 ? "BTLF" : "BTIN", 0);
    if (cursor.u8() != type) throw FormatFault{"has a B-tree of another kind"};
    for (std::uint64_t i = 0; i < node.records; ++i) visit(ByteCursor(cursor.take(record_bytes)));
    for (std::uint64_t i = 0; node.depth > 0 && i <= node.records; ++i) {
      Node child;
      child.depth = node.depth - 1;
      child.address = cursor.u64();
      child.records = cursor.number(count_bytes);
      cursor.take(total_bytes[child.depth]);
      pending.push_back(child);
    }
  }
}

PlainHeap::PlainHeap(const AddressSpace& file, TreeBudget& budget, std::uint64_t address) : file_(file) {
  ByteCursor header = file.at(address);
  header.signature("FRHP", 0);
  id_bytes_ = header.u16();
  const std::size_t filter_bytes = header.u16();
  header.take(1 + 4 + 8);  // flags, largest managed object, next huge ID
  const std::uint64_t huge_tree = header.u64();
  header.take(10 * 8);  // free space, its manager, and statistics
  width_ = header.u16();
  first_block_ = header.u64();
  largest_direct_ = header.u64();
  offset_bytes_ = (header.u16() + std::size_t{7}) / 8;
  header.take(2);  // rows at the start
  root_ = header.u64();
  rows_ = header.u16();
  if (filter_bytes != 0) throw FormatFault{"has a filtered heap"};
  if (width_ == 0 || first_block_ == 0 || !std::has_single_bit(width_) ||
      !std::has_single_bit(first_block_) || !std::has_single_bit(largest_direct_) ||
      first_block_ > largest_direct_ || largest_direct_ > kLargestBlock || rows_ > kMostRows ||
      offset_bytes_ == 0 || offset_bytes_ > 8 || id_bytes_ < 2 + offset_bytes_ ||
      id_bytes_ > 9 + offset_bytes_)
    throw FormatFault{"has a heap of another kind"};
  if (huge_tree == kNowhere) return;
  for_each_record(file_, budget, huge_tree, kHugeRecords, kHugeRecordBytes, [&](ByteCursor record) {
    const std::uint64_t at = record.u64(), count = record.u64();
    huge_[record.u64()] = file_.at(at, count);
  });
}

std::span<const std::byte> PlainHeap::object(std::span<const std::byte> id) const {
  if (id.size() != id_bytes_) throw FormatFault{"has a heap of another kind"};
  ByteCursor cursor(id);
  const std::uint8_t kind = cursor.u8();
  if (kind == 0x00) {
    const std::uint64_t offset = cursor.number(offset_bytes_);
    return managed(offset, cursor.number(cursor.left()));
  }
  if (kind != 0x10) throw FormatFault{"has an object in a heap of another kind"};
  const auto found = huge_.find(cursor.number(std::min<std::size_t>(cursor.left(), 8)));
  if (found == huge_.end()) throw FormatFault{"has no object of that number in its heap"};
  return found->second;
}

/// The doubling table: rows of `width` blocks. Blocks of the first two rows have the first size; in each
/// further row the size doubles.
std::span<const std::byte> PlainHeap::managed(std::uint64_t offset, std::uint64_t count) const {
  std::uint64_t block = root_, begin = 0, size = first_block_;
  for (unsigned rows = rows_; rows > 0;) {
    const std::uint64_t within = (offset - begin) / (width_ * first_block_);
    const auto row = static_cast<unsigned>(std::bit_width(within));
    if (row >= rows) throw FormatFault{"has an object outside its heap"};
    size = block_bytes(row);
    const std::uint64_t column = (offset - begin - row_begin(row)) / size;
    ByteCursor table = file_.at(block);
    table.signature("FHIB", 0);
    table.take(8 + offset_bytes_ + 8 * (row * width_ + column));
    block = table.u64();
    begin += row_begin(row) + column * size;
    if (size <= largest_direct_) break;
    const std::uint64_t first_row = width_ * first_block_;
    if (size < first_row) throw FormatFault{"has a heap of another kind"};
    rows = std::min(rows - 1, static_cast<unsigned>(std::bit_width(size / first_row)));
    if (rows == 0) throw FormatFault{"has a heap of another kind"};
  }
  ByteCursor direct = file_.at(block);
  direct.signature("FHDB", 0);
  if (offset < begin || offset - begin > size || count > size - (offset - begin))
    throw FormatFault{"has an object outside its heap"};
  return file_.at(block, size).subspan(offset - begin, count);
}

}  // namespace checkpoints
