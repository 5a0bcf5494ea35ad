#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <set>

#include "checkpoints/error.hpp"
#include "checkpoints/hdf5_handle.hpp"
#include "checkpoints/image.hpp"
#include "checkpoints/image_storage.hpp"
#include "checkpoints/plain_reader.hpp"

namespace checkpoints {
namespace {

// With any other order HDF5 1.10.8 first builds a table of all links, and if that fails it frees
// uninitialised memory.
constexpr H5_iter_order_t kOrder = H5_ITER_NATIVE;
constexpr std::size_t kMaxDepth = 32;  // of groups
constexpr std::size_t kMaxTextBytes = 4096;

std::string text_of(const Handle& attribute, const Handle& type) {
  if (H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    checked(H5Aread(attribute, type, &text), "a text");
    std::string copy = text ? text : "";
    H5free_memory(text);
    return copy;
  }
  std::string text(H5Tget_size(type), '\0');
  checked(H5Aread(attribute, type, text.data()), "a text");
  text.resize(std::strlen(text.c_str()));
  if (H5Tget_strpad(type) == H5T_STR_SPACEPAD) text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

struct Names {
  std::vector<std::string> list;
  bool out_of_memory = false;

  /// The sorted names after an HDF5 iteration with this result. Throws std::bad_alloc, Hdf5Failure.
  std::vector<std::string> take(herr_t result, const std::string& what) {
    if (out_of_memory) throw std::bad_alloc();
    checked(result, what);
    std::sort(list.begin(), list.end());
    return std::move(list);
  }
};

/// HDF5's iterations call back through C code: no exception may pass through it.
template <class Info>
herr_t collect_name(hid_t, const char* name, const Info*, void* to) {
  auto& names = *static_cast<Names*>(to);
  try {
    names.list.emplace_back(name);
    return 0;
  } catch (...) {
    names.out_of_memory = true;
    return -1;
  }
}

/// Made fit for a message of one line.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

class Reader {
 public:
  Reader(hid_t file, std::size_t file_bytes, const std::string& name)
      : file_(file), file_bytes_(file_bytes), bytes_left_(kDeflateRatio * file_bytes), archive_(name) {}

  Archive read() {
    std::vector<std::string> pending{""};
    while (!pending.empty()) {
      const std::string path = std::move(pending.back());
      pending.pop_back();
      Handle object(H5Oopen(file_, path.empty() ? "/" : path.c_str(), H5P_DEFAULT), H5Oclose, "/" + path);
      H5O_info_t info;
      checked(H5Oget_info2(object, &info, H5O_INFO_BASIC), "/" + path);
      if (!seen_.insert(info.addr).second) refuse(path, "is reached twice");
      if (info.type == H5O_TYPE_GROUP)
        list_group(object, path, pending);
      else if (info.type == H5O_TYPE_DATASET)
        read_array(object, path);
      else
        refuse(path, "is neither a group nor an array");
      read_attributes(object, path);
    }
    return std::move(archive_);
  }

 private:
  [[noreturn]] void refuse(const std::string& path, const std::string& what) const {
    throw BadData(
        fmt::format("{}: /{} {}; such files are not supported", archive_.name(), printable(path), what));
  }

  void list_group(hid_t group, const std::string& path, std::vector<std::string>& pending) const {
    if (std::count(path.begin(), path.end(), '/') >= static_cast<std::ptrdiff_t>(kMaxDepth))
      refuse(path, "lies too deep");
    Names names;
    const herr_t result = H5Literate(group, H5_INDEX_NAME, kOrder, nullptr, collect_name<H5L_info_t>, &names);
    for (const auto& name : names.take(result, "/" + path)) {
      const std::string child = path.empty() ? name : path + "/" + name;
      if (name == "." || name == ".." || name.find('/') != std::string::npos || !is_proper_name(name))
        refuse(child, "has no proper name");
      H5L_info_t link;
      checked(H5Lget_info(group, name.c_str(), &link, H5P_DEFAULT), "/" + child);
      if (link.type != H5L_TYPE_HARD)
        refuse(child, link.type == H5L_TYPE_SOFT ? "is a soft link" : "is a link to outside");
      pending.push_back(child);
    }
  }

  void read_array(hid_t set, const std::string& path) {
    Handle space(H5Dget_space(set), H5Sclose, "/" + path);
    const H5S_class_t kind = H5Sget_simple_extent_type(space);
    const int rank = H5Sget_simple_extent_ndims(space);
    if ((kind != H5S_SCALAR && kind != H5S_SIMPLE) || rank < 0 || rank > kMaxRank)
      refuse(path, "has no shape of up to 8 dimensions");
    std::vector<hsize_t> shape(static_cast<std::size_t>(rank));
    checked(H5Sget_simple_extent_dims(space, shape.data(), nullptr), "/" + path);

    Handle type(H5Dget_type(set), H5Tclose, "/" + path);
    const std::size_t width = H5Tget_size(type);
    const bool is_float = H5Tget_class(type) == H5T_FLOAT, is_integer = H5Tget_class(type) == H5T_INTEGER;
    const bool is_text = H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 && rank < kMaxRank;
    const bool is_known = is_text ? width <= kMaxTextBytes : (is_float || is_integer) && width <= 8;
    if (!is_known || width == 0)
      refuse(path, "holds neither integers or floats of up to 64 bits nor short texts of fixed length");
    hsize_t count = 1;
    for (hsize_t n : shape)
      if (__builtin_mul_overflow(count, n, &count)) refuse(path, "declares more numbers than can be");
    hsize_t bytes = 0;
    if (__builtin_mul_overflow(count, static_cast<hsize_t>(width), &bytes))
      refuse(path, "declares more numbers than can be");
    if (auto fault = storage_fault(set, space, bytes, width, file_bytes_); !fault.empty())
      refuse(path, fault);
    if (bytes > bytes_left_) refuse(path, "and the arrays before it declare more than the file can hold");
    bytes_left_ -= bytes;

    Array array;
    array.shape.assign(shape.begin(), shape.end());
    if (is_text) {
      std::vector<unsigned char> text(bytes);
      if (count > 0) checked(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()), "/" + path);
      array.shape.push_back(static_cast<std::int64_t>(width));
      array.data = std::vector<std::int32_t>(text.begin(), text.end());
      archive_.put(path, std::move(array));
      return;
    }
    const bool is_signed = is_integer && H5Tget_sign(type) == H5T_SGN_2;
    if (is_float)
      array.data = width <= 4 ? numbers<float>(set, H5T_NATIVE_FLOAT, path, count)
                              : numbers<double>(set, H5T_NATIVE_DOUBLE, path, count);
    else if (width <= 2 || (width <= 4 && is_signed))
      array.data = numbers<std::int32_t>(set, H5T_NATIVE_INT32, path, count);
    else if (width <= 4 || is_signed)
      array.data = numbers<std::int64_t>(set, H5T_NATIVE_INT64, path, count);
    else
      array.data = numbers<std::uint64_t>(set, H5T_NATIVE_UINT64, path, count);
    archive_.put(path, std::move(array));
  }

  template <class T>
  static Numbers numbers(hid_t set, hid_t type, const std::string& path, hsize_t count) {
    std::vector<T> data(count);
    if (count > 0) checked(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data.data()), "/" + path);
    return data;
  }

  void read_attributes(hid_t object, const std::string& path) {
    Names names;
    hsize_t start = 0;
    const herr_t result =
        H5Aiterate2(object, H5_INDEX_NAME, kOrder, &start, collect_name<H5A_info_t>, &names);
    for (const auto& name : names.take(result, "attributes of /" + path)) {
      const std::string what = path + ":" + name;
      if (!is_proper_name(name)) refuse(what, "has no proper name");
      Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, "/" + what);
      archive_.set(path, name, attribute_value(attribute, what));
    }
  }

  Attribute attribute_value(const Handle& attribute, const std::string& what) const {
    Handle space(H5Aget_space(attribute), H5Sclose, "/" + what);
    Handle type(H5Aget_type(attribute), H5Tclose, "/" + what);
    const H5S_class_t kind = H5Sget_simple_extent_type(space);
    const H5T_class_t number = H5Tget_class(type);
    const std::size_t width = H5Tget_size(type);
    if (kind == H5S_SCALAR && number == H5T_STRING && width <= file_bytes_) return text_of(attribute, type);
    const bool is_integer =
        number == H5T_INTEGER && (width < 8 || (width == 8 && H5Tget_sign(type) == H5T_SGN_2));
    if (!is_integer && !(number == H5T_FLOAT && width <= 8))
      refuse(what, "is not an attribute of integers, floats or a text");
    if (kind == H5S_SCALAR) {
      if (is_integer) return attribute_numbers<std::int64_t>(attribute, H5T_NATIVE_INT64, 1)[0];
      return attribute_numbers<double>(attribute, H5T_NATIVE_DOUBLE, 1)[0];
    }
    hsize_t count = 0;
    if (kind != H5S_SIMPLE || H5Sget_simple_extent_ndims(space) != 1 ||
        H5Sget_simple_extent_dims(space, &count, nullptr) < 0 || count > file_bytes_)
      refuse(what, "is not an attribute with a number or a list of numbers");
    if (is_integer) return attribute_numbers<std::int64_t>(attribute, H5T_NATIVE_INT64, count);
    return attribute_numbers<double>(attribute, H5T_NATIVE_DOUBLE, count);
  }

  template <class T>
  static std::vector<T> attribute_numbers(hid_t attribute, hid_t type, hsize_t count) {
    std::vector<T> values(count);
    if (count > 0) checked(H5Aread(attribute, type, values.data()), "an attribute");
    return values;
  }

  hid_t file_;
  std::size_t file_bytes_;
  std::size_t bytes_left_;  ///< that the remaining arrays may declare in total
  Archive archive_;
  std::set<haddr_t> seen_;  ///< objects
};

}  // namespace

namespace {

Archive read_image(std::span<const std::byte> bytes, const std::string& name) {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "access");
  checked(H5Pset_fapl_core(access, bytes.size(), false), "access");
  checked(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG), "access");
  checked(H5Pset_file_image(access, const_cast<std::byte*>(bytes.data()), bytes.size()),
          "access");  // HDF5 copies it
  Handle file(H5Fopen("image being read", H5F_ACC_RDONLY, access), H5Fclose, "not a whole HDF5 file");
  return Reader(file, bytes.size(), name).read();
}

/// The most memory that reading a file of so many bytes can take: HDF5's copy, the arrays, and a chunk or
/// two.
bool is_memory_there(std::size_t file_bytes) {
  void* const probe = std::malloc(2 * file_bytes + (std::size_t{1} << 26));
  std::free(probe);
  return probe != nullptr;
}

}  // namespace

Archive from_image(std::span<const std::byte> bytes, const std::string& name, Accept accept) {
  if (bytes.empty()) throw BadData(fmt::format("{}: is empty, not an HDF5 file", name));
  if (accept == Accept::plain) return read_plain(bytes, name);
  const std::lock_guard lock(hdf5_mutex());
  silence_hdf5();
  // Lack of memory is not damage. But a forged size also asks for more memory than there is: if reading fails
  // again while as much memory as a valid file can need is free, the file is damaged.
  for (int attempt = 0;; ++attempt) {
    try {
      return read_image(bytes, name);
    } catch (const Hdf5Failure& failure) {
      if (failure.lacks_memory && attempt == 0) continue;
      if (failure.lacks_memory && !is_memory_there(bytes.size()))
        throw MemoryBudget(
            fmt::format("{}: not enough memory to read its {} bytes; end other programs and try again", name,
                        bytes.size()));
      throw BadData(fmt::format("{}: damaged, or not an HDF5 file: {}", name, printable(failure.what)));
    }
  }
}

Archive read_archive(const std::string& path, FileSystem& files) {
  const auto most = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) *
                    static_cast<std::size_t>(sysconf(_SC_PAGESIZE));  // data may be larger than any snapshot
  return from_image(read_file(files, path, Links::followed, most), path);
}

}  // namespace checkpoints
