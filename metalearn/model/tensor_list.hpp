// TensorList: names, shapes and offsets of the tensors of theta or phi, each stored as one flat array.
//
// With one flat array, optimiser, averages, snapshots and checksums are single loops; names and shapes are
// those of the specification (section 3).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace metalearn {

struct TensorSpec {
  std::string name;                 ///< for example "compute_h/conv0/w" or "W/1"
  std::vector<std::int64_t> shape;  ///< C order
  std::int64_t offset = 0;          ///< of the first number in the flat array
  std::int64_t size() const {
    std::int64_t n = 1;
    for (auto s : shape) n *= s;
    return n;
  }
};

struct TensorList {
  std::vector<TensorSpec> tensors;
  std::int64_t size = 0;  ///< total count of numbers

  void add(std::string name, std::vector<std::int64_t> shape) {
    TensorSpec s{std::move(name), std::move(shape), size};
    size += s.size();
    tensors.push_back(std::move(s));
  }
  /// The tensor with that name, or null.
  const TensorSpec* find(const std::string& name) const {
    for (const auto& t : tensors)
      if (t.name == name) return &t;
    return nullptr;
  }
};

}  // namespace metalearn
