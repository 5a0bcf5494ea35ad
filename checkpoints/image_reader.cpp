#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "checkpoints/error.hpp"
#include "checkpoints/hdf5_handle.hpp"
#include "checkpoints/image.hpp"

namespace checkpoints {
namespace {

constexpr int kMaxRank = 8;
constexpr std::size_t kMaxDepth = 32;                        // of groups
constexpr std::size_t kDeflateRatio = 1040;                  // deflate makes at most 1032 bytes of one
constexpr std::size_t kChunkBytes = std::size_t{1} << 26;    // larger only where the array is

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

/// HDF5's iterations call back through C: nothing may be thrown through it.
template <class Info>
herr_t collect_name(hid_t, const char* name, const Info*, void* to) {
  try {
    static_cast<std::vector<std::string>*>(to)->emplace_back(name);
    return 0;
  } catch (...) {
    return -1;
  }
}

class Reader {
 public:
  Reader(hid_t file, std::size_t file_bytes, const std::string& name, Accept accept)
      : file_(file), file_bytes_(file_bytes), accept_(accept), bytes_left_(accept == Accept::plain ? file_bytes : kDeflateRatio * file_bytes), archive_(name) {}

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
    throw BadData(fmt::format("{}: /{} {}; such files are not read", archive_.name(), path, what));
  }

  void list_group(hid_t group, const std::string& path, std::vector<std::string>& pending) const {
    if (std::count(path.begin(), path.end(), '/') >= static_cast<std::ptrdiff_t>(kMaxDepth)) refuse(path, "lies too deep");
    std::vector<std::string> names;
    checked(H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_name<H5L_info_t>, &names), "/" + path);
    for (const auto& name : names) {
      const std::string child = path.empty() ? name : path + "/" + name;
      if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) refuse(child, "has no proper name");
      H5L_info_t link;
      checked(H5Lget_info(group, name.c_str(), &link, H5P_DEFAULT), "/" + child);
      if (link.type != H5L_TYPE_HARD) refuse(child, link.type == H5L_TYPE_SOFT ? "is a soft link" : "is a link to outside");
      pending.push_back(child);
    }
  }

  void read_array(hid_t set, const std::string& path) {
    Handle space(H5Dget_space(set), H5Sclose, "/" + path);
    const H5S_class_t kind = H5Sget_simple_extent_type(space);
    const int rank = H5Sget_simple_extent_ndims(space);
    if ((kind != H5S_SCALAR && kind != H5S_SIMPLE) || rank < 0 || rank > kMaxRank) refuse(path, "has no shape of up to 8 dimensions");
    std::vector<hsize_t> shape(static_cast<std::size_t>(rank));
    checked(H5Sget_simple_extent_dims(space, shape.data(), nullptr), "/" + path);

    Handle type(H5Dget_type(set), H5Tclose, "/" + path);
    const std::size_t width = H5Tget_size(type);
    const bool is_float = H5Tget_class(type) == H5T_FLOAT, is_integer = H5Tget_class(type) == H5T_INTEGER;
    if ((!is_float && !is_integer) || width == 0 || width > 8) refuse(path, "holds neither integers nor floats of up to 64 bits");
    hsize_t count = 1;
    for (hsize_t n : shape)
      if (__builtin_mul_overflow(count, n, &count)) refuse(path, "declares more numbers than can be");
    hsize_t bytes = 0;
    if (__builtin_mul_overflow(count, static_cast<hsize_t>(width), &bytes)) refuse(path, "declares more numbers than can be");
    check_storage(set, path, bytes, width);

    Array array;
    array.shape.assign(shape.begin(), shape.end());
    const bool is_signed = is_integer && H5Tget_sign(type) == H5T_SGN_2;
    if (is_float)
      array.data = width <= 4 ? numbers<float>(set, H5T_NATIVE_FLOAT, path, count) : numbers<double>(set, H5T_NATIVE_DOUBLE, path, count);
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

  /// Before any memory is taken for the array: that what it declares can lie in this file, and nowhere else.
  void check_storage(hid_t set, const std::string& path, hsize_t bytes, std::size_t width) {
    Handle properties(H5Dget_create_plist(set), H5Pclose, "/" + path);
    if (checked(H5Pget_external_count(properties), "/" + path) != 0) refuse(path, "lies in another file");
    const H5D_layout_t layout = H5Pget_layout(properties);
    if (layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED) refuse(path, "is a virtual array");
    bool deflated = false;
    const int filters = checked(H5Pget_nfilters(properties), "/" + path);
    for (int i = 0; i < filters; ++i) {
      unsigned flags = 0;
      std::size_t values = 0;
      const H5Z_filter_t filter = H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, nullptr);
      const bool compression = filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE;
      if (filter != H5Z_FILTER_FLETCHER32 && !(compression && accept_ == Accept::compressed)) refuse(path, fmt::format("uses the filter number {}", filter));
      deflated = deflated || filter == H5Z_FILTER_DEFLATE;
    }
    if (layout == H5D_CHUNKED) {
      hsize_t chunk[kMaxRank] = {};
      const int rank = checked(H5Pget_chunk(properties, kMaxRank, chunk), "/" + path);
      hsize_t chunk_bytes = width;
      for (int axis = 0; axis < rank; ++axis)
        if (__builtin_mul_overflow(chunk_bytes, chunk[axis], &chunk_bytes) || chunk_bytes > std::max<hsize_t>(bytes, kChunkBytes))
          refuse(path, "has chunks larger than the array");
    }
    const hsize_t stored = std::min<hsize_t>(H5Dget_storage_size(set), file_bytes_);
    const hsize_t most = deflated ? stored * kDeflateRatio : stored;
    if (bytes > most) refuse(path, fmt::format("declares {} bytes where {} are stored", bytes, stored));
    if (bytes > bytes_left_) refuse(path, "and the arrays before it declare more than the file can hold");
    bytes_left_ -= bytes;
  }

  void read_attributes(hid_t object, const std::string& path) {
    std::vector<std::string> names;
    hsize_t start = 0;
    checked(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &start, collect_name<H5A_info_t>, &names), "attributes of /" + path);
    for (const auto& name : names) {
      const std::string what = path + ":" + name;
      Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, "/" + what);
      if (name.empty()) refuse(what, "has no name");
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
    const bool is_integer = number == H5T_INTEGER && (width < 8 || (width == 8 && H5Tget_sign(type) == H5T_SGN_2));
    if (!is_integer && !(number == H5T_FLOAT && width <= 8)) refuse(what, "is not an attribute of integers, floats or a text");
    if (kind == H5S_SCALAR) {
      if (is_integer) return attribute_numbers<std::int64_t>(attribute, H5T_NATIVE_INT64, 1)[0];
      return attribute_numbers<double>(attribute, H5T_NATIVE_DOUBLE, 1)[0];
    }
    hsize_t count = 0;
    if (kind != H5S_SIMPLE || H5Sget_simple_extent_ndims(space) != 1 || H5Sget_simple_extent_dims(space, &count, nullptr) < 0 || count > file_bytes_)
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
  Accept accept_;
  std::size_t bytes_left_;  ///< that all arrays together may still declare
  Archive archive_;
  std::set<haddr_t> seen_;  ///< objects
};

}  // namespace

Archive from_image(std::span<const std::byte> bytes, const std::string& name, Accept accept) {
  if (bytes.empty()) throw BadData(fmt::format("{}: is empty; not an HDF5 file", name));
  const std::lock_guard lock(hdf5_mutex());
  silence_hdf5();
  try {
    Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "access");
    checked(H5Pset_fapl_core(access, bytes.size(), false), "access");
    checked(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG), "access");
    checked(H5Pset_file_image(access, const_cast<std::byte*>(bytes.data()), bytes.size()), "access");  // HDF5 copies it
    Handle file(H5Fopen("image being read", H5F_ACC_RDONLY, access), H5Fclose, "not a whole HDF5 file");
    return Reader(file, bytes.size(), name, accept).read();
  } catch (const Hdf5Failure& failure) {
    throw BadData(fmt::format("{}: damaged, or not an HDF5 file: {}", name, failure.what));
  }
}

Archive read_archive(const std::string& path, FileSystem& files) { return from_image(read_file(files, path), path); }

}  // namespace checkpoints
