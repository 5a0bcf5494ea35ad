// Archive: named arrays and attributes in memory, the contents of one HDF5 file.
//
// Paths are slash-separated without a leading slash, "theta/compute_h/conv0/w"; "" is the root. A group
// exists if and only if it is not empty. A plain value: any number of threads may read it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace checkpoints {

using Numbers = std::variant<std::vector<float>, std::vector<double>, std::vector<std::int32_t>,
                             std::vector<std::int64_t>, std::vector<std::uint64_t>>;
using Attribute =
    std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>>;

struct Array {
  std::vector<std::int64_t> shape;  ///< C order; empty: a scalar, one number
  Numbers data;
  bool operator==(const Array&) const = default;
};

inline constexpr std::size_t kMaxNameBytes = 1024;

/// Whether a name is allowed in a file: 1 to 1024 bytes of UTF-8 without control characters (so that a
/// message that quotes it stays on one line).
bool is_proper_name(const std::string& name);

class Archive {
 public:
  /// name: the file it was read from, for messages.
  explicit Archive(std::string name = "archive") : name_(std::move(name)) {}
  const std::string& name() const { return name_; }

  /// Adds or replaces an array. Throws std::invalid_argument for an invalid path, an improper name, a shape
  /// that does not match the data, or an array in place of a group or a group in place of an array.
  void put(const std::string& path, Array array);
  template <class T>
  void put(const std::string& path, std::vector<std::int64_t> shape, std::vector<T> data) {
    put(path, Array{std::move(shape), Numbers(std::move(data))});
  }
  /// Adds or replaces an attribute of the group or array at path. Throws std::invalid_argument if the name is
  /// not proper or a text holds a zero byte.
  void set(const std::string& path, const std::string& attribute, Attribute value);
  /// One text attribute per entry.
  void set_texts(const std::string& path, const std::map<std::string, std::string>& texts);

  /// The array at path, or null.
  const Array* find(const std::string& path) const;
  /// The array at path. Throws BadData naming file and path if there is none.
  const Array& array(const std::string& path) const;
  /// The numbers of array(path). Throws BadData also if they have another type.
  template <class T>
  const std::vector<T>& numbers(const std::string& path) const {
    if (auto* v = std::get_if<std::vector<T>>(&array(path).data)) return *v;
    refuse_type(path, type_name(Numbers(std::vector<T>())));
  }
  /// The numbers of array(path). Throws BadData, naming both shapes, also if it has another shape.
  template <class T>
  const std::vector<T>& numbers(const std::string& path, const std::vector<std::int64_t>& shape) const {
    require_shape(path, shape);
    return numbers<T>(path);
  }

  /// The attribute, or null if there is none or it has another type.
  template <class T>
  const T* find_attribute(const std::string& path, const std::string& attribute) const {
    auto group = attributes_.find(path);
    if (group == attributes_.end()) return nullptr;
    auto value = group->second.find(attribute);
    return value == group->second.end() ? nullptr : std::get_if<T>(&value->second);
  }
  /// The attribute. Throws BadData naming file, path and attribute if there is none of that type.
  template <class T>
  const T& attribute(const std::string& path, const std::string& attribute_name) const {
    if (auto* v = find_attribute<T>(path, attribute_name)) return *v;
    refuse_attribute(path, attribute_name);
  }
  /// All text attributes at path.
  std::map<std::string, std::string> texts(const std::string& path) const;

  const std::map<std::string, Array>& arrays() const { return arrays_; }
  /// path -> attribute -> value
  const std::map<std::string, std::map<std::string, Attribute>>& attributes() const { return attributes_; }
  /// Paths of all groups except the root, parents before children.
  std::vector<std::string> groups() const;

  /// "float32", "int64", ...
  static std::string type_name(const Numbers& numbers);

 private:
  [[noreturn]] void refuse_type(const std::string& path, const std::string& wanted) const;
  [[noreturn]] void refuse_attribute(const std::string& path, const std::string& attribute) const;
  void require_shape(const std::string& path, const std::vector<std::int64_t>& shape) const;

  std::string name_;
  std::map<std::string, Array> arrays_;
  std::map<std::string, std::map<std::string, Attribute>> attributes_;
};

}  // namespace checkpoints
