// Shape: the extents of an array, at most kMaxRank of them, in C order (the last one is contiguous in
// memory).
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace autodiff {

using Index = std::int64_t;

class Shape {
 public:
  static constexpr int kMaxRank = 5;

  Shape() = default;
  /// Throws std::invalid_argument for more than kMaxRank extents or one below 1.
  Shape(std::initializer_list<Index> extents)
      : Shape(std::span<const Index>(extents.begin(), extents.size())) {}
  explicit Shape(std::span<const Index> extents);

  int rank() const { return rank_; }
  Index operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  /// Number of elements; 1 for a scalar (rank 0).
  Index size() const {
    Index n = 1;
    for (int a = 0; a < rank_; ++a) n *= (*this)[a];
    return n;
  }
  /// Product of the extents of axes [begin, end).
  Index size(int begin, int end) const {
    Index n = 1;
    for (int a = begin; a < end; ++a) n *= (*this)[a];
    return n;
  }
  /// The same shape with one extent replaced.
  Shape with(int axis, Index extent) const;
  std::span<const Index> extents() const { return {extents_.data(), static_cast<std::size_t>(rank_)}; }
  /// "[2, 3]"
  std::string to_string() const;
  bool operator==(const Shape&) const = default;

 private:
  std::array<Index, kMaxRank> extents_{};
  int rank_ = 0;
};

}  // namespace autodiff
