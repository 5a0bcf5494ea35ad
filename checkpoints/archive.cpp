#include "checkpoints/archive.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <stdexcept>
#include <string_view>

#include "checkpoints/error.hpp"
#include "checkpoints/utf8.hpp"

namespace checkpoints {
namespace {

/// "a/b/c" -> "a", "a/b"
std::vector<std::string> parents(const std::string& path) {
  std::vector<std::string> found;
  for (std::size_t i = path.find('/'); i != std::string::npos; i = path.find('/', i + 1))
    found.push_back(path.substr(0, i));
  return found;
}

void require_path(const std::string& path) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || !is_proper_name(part))
      throw std::invalid_argument(
          fmt::format("[archive] expected a path like \"theta/conv0/w\", found \"{}\"", path));
    begin = end + 1;
  }
}

}  // namespace

bool is_proper_name(const std::string& name) {
  for (std::size_t at = 0; at < name.size();) {
    const auto point = next_code_point(name, at);
    if (!point || *point < ' ' || *point == 0x7F) return false;
  }
  return !name.empty() && name.size() <= kMaxNameBytes;
}

void Archive::put(const std::string& path, Array array) {
  require_path(path);
  std::size_t count = 1;
  for (auto n : array.shape) {
    if (n < 0) throw std::invalid_argument(fmt::format("[archive] {}: a dimension is negative: {}", path, n));
    count *= static_cast<std::size_t>(n);
  }
  const std::size_t held = std::visit([](const auto& v) { return v.size(); }, array.data);
  if (held != count)
    throw std::invalid_argument(fmt::format("[archive] {}: {} numbers do not match the shape [{}]", path,
                                            held, fmt::join(array.shape, ", ")));
  for (const auto& parent : parents(path))
    if (arrays_.count(parent))
      throw std::invalid_argument(fmt::format("[archive] {}: {} is an array, not a group", path, parent));
  auto is_below = [&](const auto& map) {
    auto next = map.lower_bound(path + "/");
    return next != map.end() && next->first.compare(0, path.size() + 1, path + "/") == 0;
  };
  if (is_below(arrays_) || is_below(attributes_))
    throw std::invalid_argument(fmt::format("[archive] {}: is a group, not an array", path));
  arrays_[path] = std::move(array);
}

void Archive::set(const std::string& path, const std::string& attribute, Attribute value) {
  if (!path.empty()) require_path(path);
  for (const auto& parent : parents(path))
    if (arrays_.count(parent))
      throw std::invalid_argument(fmt::format("[archive] {}: {} is an array, not a group", path, parent));
  const auto* text = std::get_if<std::string>(&value);
  if (!is_proper_name(attribute) || (text && text->find('\0') != std::string::npos))
    throw std::invalid_argument(
        fmt::format("[archive] attribute {}:{} has an improper name or holds a zero byte", path, attribute));
  attributes_[path][attribute] = std::move(value);
}

void Archive::set_texts(const std::string& path, const std::map<std::string, std::string>& texts) {
  for (const auto& [name, text] : texts) set(path, name, text);
}

const Array* Archive::find(const std::string& path) const {
  auto found = arrays_.find(path);
  return found == arrays_.end() ? nullptr : &found->second;
}

const Array& Archive::array(const std::string& path) const {
  if (auto* found = find(path)) return *found;
  throw BadData(fmt::format(
      "{}: has no array /{}: it is another kind of file than is needed here, or of another version", name_,
      path));
}

std::map<std::string, std::string> Archive::texts(const std::string& path) const {
  std::map<std::string, std::string> found;
  if (auto group = attributes_.find(path); group != attributes_.end())
    for (const auto& [name, value] : group->second)
      if (auto* text = std::get_if<std::string>(&value)) found[name] = *text;
  return found;
}

std::vector<std::string> Archive::groups() const {
  std::set<std::string> found;
  for (const auto& [path, array] : arrays_)
    for (auto& parent : parents(path)) found.insert(std::move(parent));
  for (const auto& [path, values] : attributes_) {
    for (auto& parent : parents(path)) found.insert(std::move(parent));
    if (!path.empty() && !arrays_.count(path)) found.insert(path);
  }
  return {found.begin(), found.end()};  // a prefix sorts before longer paths
}

std::string Archive::type_name(const Numbers& numbers) {
  static const char* const names[] = {"float32", "float64", "int32", "int64",
                                      "uint64"};  // in the order of Numbers
  return names[numbers.index()];
}

void Archive::refuse_type(const std::string& path, const std::string& wanted) const {
  throw BadData(
      fmt::format("{}: /{} holds {} ({} expected)", name_, path, type_name(array(path).data), wanted));
}

void Archive::refuse_attribute(const std::string& path, const std::string& attribute) const {
  throw BadData(
      fmt::format("{}: /{} has no attribute \"{}\" of the expected type: it is another kind of file than "
                  "is needed here, or of another version",
                  name_, path, attribute));
}

void Archive::require_shape(const std::string& path, const std::vector<std::int64_t>& shape) const {
  const auto& found = array(path).shape;
  if (found != shape)
    throw BadData(fmt::format("{}: /{} has the shape [{}] ([{}] expected)", name_, path,
                              fmt::join(found, ", "), fmt::join(shape, ", ")));
}

}  // namespace checkpoints
