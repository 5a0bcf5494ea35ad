// PlainHeap: reads the links of a large group and the attributes of an object that has many: HDF5 keeps them
// in a fractal heap, indexed by a version 2 B-tree.
//
// "HDF5 File Format Specification Version 3.0", sections III.A.2 (version 2 B-trees) and III.G (fractal
// heap). Private to this folder. Const: any number of threads.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <span>

#include "checkpoints/byte_cursor.hpp"

namespace checkpoints {

/// How many bytes of B-tree nodes may still be read: in total no more than the file has. A valid file has
/// each node once; in a malicious one nodes, trees and heaps may overlap, and a small file could take hours.
struct TreeBudget {
  std::size_t bytes = 0;
};

/// Calls visit with each record of the B-tree whose header is at `address`, in the order of its keys. Throws
/// FormatFault if it has another type or record size, or the budget is spent.
void for_each_record(const AddressSpace& file, TreeBudget& budget, std::uint64_t address, std::uint8_t type,
                     std::size_t record_bytes, const std::function<void(ByteCursor)>& visit);

class PlainHeap {
 public:
  /// Throws FormatFault, as does object().
  PlainHeap(const AddressSpace& file, TreeBudget& budget, std::uint64_t address);
  /// The object with this heap ID: a part of the file's bytes.
  std::span<const std::byte> object(std::span<const std::byte> id) const;

 private:
  std::span<const std::byte> managed(std::uint64_t offset, std::uint64_t count) const;
  std::uint64_t block_bytes(unsigned row) const {
    return row == 0 ? first_block_ : first_block_ << (row - 1);
  }
  std::uint64_t row_begin(unsigned row) const { return row == 0 ? 0 : width_ * first_block_ << (row - 1); }

  const AddressSpace& file_;
  std::size_t id_bytes_ = 0, offset_bytes_ = 0;
  std::map<std::uint64_t, std::span<const std::byte>> huge_;  ///< objects too large for a block, by number
  std::uint64_t width_ = 0, first_block_ = 0, largest_direct_ = 0, root_ = 0;
  unsigned rows_ = 0;  ///< of the root; 0: the root is a direct block
};

}  // namespace checkpoints
